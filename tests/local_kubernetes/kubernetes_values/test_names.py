"""Which texts may be names, keys and values."""

import pytest

from kubernetes_values import (
    CONFIG_KEY,
    LABEL,
    LABEL_VALUE,
    PORT_NAME,
    QUALIFIED,
    SUBDOMAIN,
    VARIABLE,
    annotations_bytes,
    message,
)


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        (LABEL, ["a", "a-1", "1a", "a" * 63], ["", "A", "a.b", "-a", "a-", "a_b", "a" * 64, "a\n", "é", "٣"]),
        (SUBDOMAIN, ["a", "a.b-c", "1.2", "a" * 253], ["", "a..b", ".a", "a.", "a.-b", "A.b", "a" * 254, "a.b\n"]),
        (QUALIFIED, ["a", "A_b.c-1", "a" * 63], ["", "_a", "a.", "a b", "a" * 64, "a/b", "a\n"]),
        (LABEL_VALUE, ["", "a", "A_b.c-1", "a" * 63], ["_", "a ", "a" * 64, "a/b", "a\n"]),
        (CONFIG_KEY, ["a", "A_b.c-1", ".hidden", "a" * 253], ["", "a/b", "a b", "a" * 254, "a\n"]),
        (VARIABLE, ["A", "1", "a b", "A.b-c", "a" * 500, "{}", "~"], ["", "A=", "é", "a\n", "a\t", "\x7f"]),
        (PORT_NAME, ["http", "a", "8080-a", "a" * 15], ["", "8080", "a--b", "-a", "a-", "A", "a_b", "a" * 16]),
    ],
)
def test_forms(form, right, wrong):
    """The whole text has to fit, in ASCII, and be no longer than allowed."""
    assert [text for text in right if not form.fits(text)] == []
    assert [text for text in wrong if form.fits(text)] == []


def test_annotations_are_measured_in_bytes():
    """Keys count, a missing value does not."""
    assert annotations_bytes({"a": "é", "bc": None}) == 5


def test_every_field_leads_to_a_message_of_the_table():
    """A table that was cut would end a request with a KeyError."""
    seen, waiting = set(), ["core.Pod", "batch.CronJob", "apps.Deployment"]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += [field.base for field in message(name).fields.values() if field.is_message]
    assert len(seen) > 100
