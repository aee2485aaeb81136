"""Amounts are written back as the real server does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubernetes_values import QuantityError, amount, canonical


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


@pytest.mark.parametrize("text", ["", "12zz", "1.2.3", "Mi", "1 Mi", "--1", "1e", "1KI", "1ki", ".", "٣", "1e1.5"])
def test_other_texts_are_no_amounts(text):
    """They are refused where they stand."""
    assert canonical(text) is None
    with pytest.raises(QuantityError, match="no amount"):
        amount(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"), ("2", "2"), ("1.5Gi", "1610612736"), ("-1Ki", "-1024"), ("1e3", "1000"), ("0.1n", "1e-9"),
        ("1e-999999999999", "1e-9"), ("1e999999999999", "9223372036854775807"), ("9E", "9e18"), (" 1 ", "1"),
        ("0.00000000000000000000000000000000000000000001e45", "10"), ("0e99999999", "0"),
    ],
)  # fmt: skip
def test_the_number_is_exact(text, number):
    """Within what the server holds, and whatever the power is."""
    assert amount(text) == Decimal(number)


@given(st.decimals(0, 10**6, places=3), st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]))
def test_written_back_it_is_the_same_number(number: Decimal, suffix: str):
    """Rounding up to a nano happens once."""
    text = f"{number:f}{suffix}"
    assert amount(str(canonical(text))) == amount(text)


@given(st.decimals(0, 10**12, places=3), st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]))
def test_writing_back_twice_changes_nothing(number: Decimal, suffix: str):
    """What the server shows it also accepts, and shows the same again."""
    shown = canonical(f"{number:f}{suffix}")
    assert shown is not None
    assert canonical(shown) == shown
