"""Values: what a reader sees of a number, a name, a moment."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_workloads.errors import DataError
from baton_workloads.reports.values import (
    Absent,
    Count,
    Day,
    Moment,
    Money,
    Percent,
    Quantity,
    Text,
    change,
    clean,
    share,
)  # fmt: skip

amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17)


@pytest.mark.parametrize(
    ("value", "text", "short"),
    [
        (Money(Decimal("1234.5"), "EUR"), "1,234.50 EUR", "1,234.50 EUR"),
        (Money(Decimal("-0.005"), "EUR"), "0.00 EUR", "0.00 EUR"),
        (Money(Decimal("-12.345"), "EUR"), "\u221212.34 EUR", "\u221212.34 EUR"),
        (Money(Decimal("2.675"), "EUR"), "2.68 EUR", "2.68 EUR"),
        (Money(Decimal("1234.5"), "JPY"), "1,234 JPY", "1,234 JPY"),
        (Money(Decimal("1.2345"), "KWD"), "1.234 KWD", "1.234 KWD"),
        (Money(Decimal("57632231.17"), "EUR"), "57,632,231.17 EUR", "57.63 m EUR"),
        (Money(Decimal("9876543210123.4"), "EUR"), "9,876,543,210,123.40 EUR", "9.88 tn EUR"),
        (Count(0), "0", "0"),
        (Count(-1234), "\u22121,234", "\u22121,234"),
        (Percent(Decimal("0.1234")), "12.3 %", "12.3 %"),
        (Percent(Decimal("0.1234"), signed=True), "+12.3 %", "+12.3 %"),
        (Percent(Decimal("-0.0001"), signed=True), "0.0 %", "0.0 %"),
        (Percent(Decimal("51"), signed=True), ">1000 %", ">1000 %"),
        (Quantity(Decimal(1) / 3, "days"), "0.3 days", "0.3 days"),
        (Day(date(2026, 11, 2)), "Mon 2 Nov 2026", "2 Nov"),
        (Moment(datetime(2026, 11, 2, 9, 5, tzinfo=UTC)), "2 Nov 2026 09:05 UTC", "2 Nov 09:05"),
        (Absent(), "\u2013", "\u2013"),
    ],
)
def test_each_value_has_one_text(value, text, short):
    """Rounding, units and signs are decided here and nowhere else; a number never leaves its unit at a line's end."""
    assert value.text.replace("\u00a0", " ") == text
    assert value.short.replace("\u00a0", " ") == short


@pytest.mark.parametrize(
    "make",
    [
        lambda: Money(0.1 + 0.2, "EUR"),
        lambda: Money(Decimal("NaN"), "EUR"),
        lambda: Percent(0.5),
        lambda: Quantity(1.0, "days"),
        lambda: Count(1.0),
        lambda: Count(True),
        lambda: Moment(datetime(2026, 11, 2)),
    ],
)
def test_what_would_print_wrong_is_refused(make):
    """Floats, NaN and times without a zone."""
    with pytest.raises(DataError):
        make()


@given(amounts)
def test_an_amount_keeps_its_cents(amount):
    """Read back, the text is the amount rounded to cents, whatever its size."""
    text = Money(amount, "EUR").text
    assert re.fullmatch(r"\u2212?\d{1,3}(,\d{3})*\.\d\d\u00a0EUR", text)
    back = Decimal(text.removesuffix("\u00a0EUR").replace(",", "").replace("\u2212", "-"))
    assert abs(back - amount) <= Decimal("0.005")


@given(st.text(max_size=400))
def test_any_text_becomes_one_short_line(raw):
    """No control character, no direction override, no line break; never empty."""
    text = clean(raw)
    assert 0 < len(text) <= 90
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


def test_joined_emoji_stay_together():
    """A family is one picture, not four people."""
    assert Text("👩\u200d👩\u200d👧 Familie").text == "👩\u200d👩\u200d👧 Familie"


def test_a_change_from_nothing_is_none():
    """Nobody reads a division by zero."""
    assert isinstance(change(5, 0), Absent)
    assert isinstance(share(0, 0), Absent)
    assert change(Decimal(3), Decimal(2)).text == "+50.0\u00a0%"
