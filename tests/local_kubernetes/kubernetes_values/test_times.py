"""Which texts are moments."""

import pytest

from kubernetes_values import parse_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500000+00:00"),
        ("2026-01-31T12:00:00.123456789+02:00", "2026-01-31T10:00:00.123456+00:00"),
        ("2024-02-29T23:59:59-23:59", "2024-03-01T23:58:59+00:00"),
    ],
)
def test_rfc_3339(text, moment):
    """In UTC, to the microsecond."""
    assert parse_time(text).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
     "2026-01-31T24:00:00Z", "2026-01-31T12:00:60Z", "20260131T120000Z", "2026-W05-6T12:00:00Z",
     "0001-01-01T00:00:00+01:00",
     "٢٠٢٦-01-31T12:00:00Z", "2026-01-31T12:00:00Z\n", "2026-01-31t12:00:00z"],
)  # fmt: skip
def test_other_texts_are_none(text):
    """Among them what Python's `fromisoformat` takes and Go does not."""
    assert parse_time(text) is None
