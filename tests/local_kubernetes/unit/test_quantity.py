"""Amounts are written back as the real server does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_kubernetes.schema.quantity import canonical


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("1", "1"), ("0", "0"), ("0Mi", "0"), ("1000", "1k"), ("1024", "1024"), ("0.5", "500m"), ("1000m", "1"),
        ("1500m", "1500m"), ("0.1", "100m"), (".5", "500m"), ("100m", "100m"), ("2.50", "2500m"),
        ("+1", "1"), ("-5", "-5"),
        ("64Mi", "64Mi"), ("1024Mi", "1Gi"), ("0.5Gi", "512Mi"), ("1.5Gi", "1536Mi"), ("0.5Ki", "512"),
        ("128974848", "128974848"), ("129e6", "129e6"), ("129M", "129M"), ("1e3", "1e3"), ("1E3", "1e3"),
        ("12e2", "1200"),
        ("123Mi", "123Mi"), ("1n", "1n"), ("0.1n", "1n"), ("1E", "1E"), ("1u", "1u"),
    ],
)  # fmt: skip
def test_the_largest_suffix_without_a_fraction(sent, shown):
    """As apimachinery's CanonicalizeBytes."""
    assert canonical(sent) == shown


@pytest.mark.parametrize("text", ["", "12zz", "1.2.3", "Mi", "1 Mi", "--1", "1e", "1KI"])
def test_other_texts_are_no_amounts(text):
    """They are refused where they stand."""
    assert canonical(text) is None


@given(st.decimals(0, 10**12, places=3), st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]))
def test_writing_back_twice_changes_nothing(number: Decimal, suffix: str):
    """What the server shows it also accepts, and shows the same again."""
    shown = canonical(f"{number:f}{suffix}")
    assert shown is not None
    assert canonical(shown) == shown
