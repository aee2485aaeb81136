"""Label selectors as they stand in objects."""

import pytest

from local_kubernetes import label_selectors, selector_parsing

EXPRESSIONS = [
    {"key": "tier", "operator": "In", "values": ["x", "y"]},
    {"key": "old", "operator": "DoesNotExist"},
    {"key": "zone", "operator": "NotIn", "values": ["b", "a"]},
    {"key": "app", "operator": "Exists"},
]


@pytest.mark.parametrize(
    ("selector", "labels", "fits"),
    [
        (None, {}, False),
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchLabels": {"a": "1"}}, None, False),
        ({"matchExpressions": EXPRESSIONS}, {"app": "", "tier": "x"}, True),
        ({"matchExpressions": EXPRESSIONS}, {"app": "", "tier": "x", "old": ""}, False),
        ({"matchExpressions": EXPRESSIONS}, {"app": "", "tier": "x", "zone": "a"}, False),
        ({"matchExpressions": EXPRESSIONS}, {"tier": "x"}, False),
        ({"matchLabels": {"app": "a"}, "matchExpressions": EXPRESSIONS}, {"app": "b", "tier": "x"}, False),
    ],
)
def test_a_selector_takes_the_labels_that_fit_all_of_it(selector, labels, fits):
    """And its text, used as a query, takes the same."""
    assert label_selectors.matches(selector, labels) is fits
    if selector is not None:
        assert (
            selector_parsing.labels(selector_parsing.selector_text(selector))({"metadata": {"labels": labels}}) is fits
        )
