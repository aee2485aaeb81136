"""Expressions: values in, values out, and no way from a value to anything else."""

import pytest

from baton.jobs.expressions import ExpressionError, evaluated, value_of

NAMES = {"rows": [{"n": 1}, {"n": 2}], "name": "Kowalski; DROP", "none": None}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("plain", "plain"),
        ("{{ rows }}", [{"n": 1}, {"n": 2}]),
        ("  {{ rows | length }} ", 2),
        ("{{ rows[1].n + 1 }}", 3),
        ("{{ rows | sum(attribute='n') }} of {{ rows | length }}", "3 of 2"),
        ("{{ none }}", None),
        ("{% for row in rows %}{{ row.n }}{% endfor %}", "12"),
        ({"a": ["{{ name }}", 3], "{{ key }}": True}, {"a": ["Kowalski; DROP", 3], "{{ key }}": True}),
        ("{{ '{{ name }}' }}", "{{ name }}"),
    ],
)
def test_values_keep_their_kind(given, wanted):
    """A text that is one expression gives its value; what a value holds is not evaluated again."""
    assert evaluated(given, NAMES) == wanted


@pytest.mark.parametrize(
    "expression",
    [
        "missing",
        "rows[7].n",
        "rows.__class__",
        "''.__class__.__mro__",
        "rows.append(3)",
        "rows | attr('__class__')",
        "cycler.__init__.__globals__",
        "range(10 ** 9) | list",
        "'a' * 10 ** 9",
        "9 ** (9 ** 9)",
        "rows * 10 ** 8",
        "1 / 0",
        "[missing]",
        "rows.append",
        "'%s' | format(rows.__len__)",
        "lipsum.__globals__",
    ],
)
def test_what_an_expression_may_not_is_one_error(expression):
    """It quotes the expression, no data."""
    with pytest.raises(ExpressionError) as caught:
        value_of(expression, NAMES)
    assert "Kowalski" not in str(caught.value)
