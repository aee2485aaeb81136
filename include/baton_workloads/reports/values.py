"""What may stand in a report: typed values, each of which knows its own text.

Why here: rounding, units and currency are decided once, and a renderer only ever sees text. A float is refused, because
somebody would read 0.30000000000000004 in a mail.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import ClassVar, Literal, Union

from baton_workloads.errors import DataError

Align = Literal["start", "end"]
Value = Union["Money", "Count", "Percent", "Quantity", "Text", "Day", "Moment", "Absent"]

NBSP = "\u00a0"
MINUS = "\u2212"
MAX_TEXT_LENGTH = 90  # characters of a name; longer ones end in an ellipsis
COMPACT_FROM = Decimal(10_000_000)
SCALES = ((Decimal(10) ** 12, "tn"), (Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"))

# Digits after the point where they are not two. Source: ISO 4217, table A.1.
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "VND": 0, "CLP": 0, "BHD": 3, "KWD": 3, "TND": 3, "JOD": 3, "OMR": 3}
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad]")
_FLAG_OR_JOINED = "\u200d"


@dataclass(frozen=True)
class Money:
    """An amount in one currency; rounded half to even, to the currency's smallest unit."""

    amount: Decimal
    currency: str
    align: ClassVar[Align] = "end"

    def __post_init__(self) -> None:
        _exact(self.amount, "an amount of money")

    @property
    def text(self) -> str:
        """``1,234.50 EUR``."""
        return f"{_fixed(self.amount, MINOR_DIGITS.get(self.currency, 2))}{NBSP}{self.currency}"

    @property
    def short(self) -> str:
        """The same with at most four digits and a scale, where the full text would not fit a figure's box."""
        return f"{short}{NBSP}{self.currency}" if (short := _compact(self.amount)) else self.text


@dataclass(frozen=True)
class Count:
    """A whole number of something."""

    number: int
    align: ClassVar[Align] = "end"

    def __post_init__(self) -> None:
        if not isinstance(self.number, int) or isinstance(self.number, bool):
            raise DataError(f"a count is a whole number, not {type(self.number).__name__}; round it in the query")

    @property
    def text(self) -> str:
        """``12,345``."""
        return _fixed(Decimal(self.number), 0)

    @property
    def short(self) -> str:
        """The same, with a scale where it is long."""
        return _compact(Decimal(self.number)) or self.text


@dataclass(frozen=True)
class Percent:
    """A share or a change; 1 is 100 %.

    :param signed: a change: growth gets its plus.
    """

    ratio: Decimal
    signed: bool = False
    align: ClassVar[Align] = "end"

    def __post_init__(self) -> None:
        _exact(self.ratio, "a ratio")

    @property
    def text(self) -> str:
        """``+12.3 %``; beyond a thousand percent only the order of magnitude counts."""
        percent = self.ratio * 100
        if abs(percent) >= 1000:
            return f"{'>' if percent > 0 else '<' + MINUS}1000{NBSP}%"
        sign = "+" if self.signed and round(percent, 1) > 0 else ""
        return f"{sign}{_fixed(percent, 1)}{NBSP}%"

    @property
    def short(self) -> str:
        """The same."""
        return self.text


@dataclass(frozen=True)
class Quantity:
    """A measured number with its unit, rounded to ``digits``."""

    number: Decimal
    unit: str
    digits: int = 1
    align: ClassVar[Align] = "end"

    def __post_init__(self) -> None:
        _exact(self.number, "a quantity")

    @property
    def text(self) -> str:
        """``3.5 days``."""
        return f"{_fixed(self.number, self.digits)}{NBSP}{self.unit}"

    @property
    def short(self) -> str:
        """The same."""
        return self.text


@dataclass(frozen=True)
class Text:
    """A name or a few words; comes from data, so anything may be in it."""

    raw: str
    align: ClassVar[Align] = "start"

    @property
    def text(self) -> str:
        """One line without control characters and direction overrides, of a bearable length."""
        return clean(self.raw)

    @property
    def short(self) -> str:
        """The same."""
        return self.text


@dataclass(frozen=True)
class Day:
    """A calendar day."""

    day: date
    align: ClassVar[Align] = "start"

    @property
    def text(self) -> str:
        """``Sun 22 Nov 2026``."""
        return f"{self.day:%a} {self.day.day} {self.day:%b %Y}"

    @property
    def short(self) -> str:
        """``22 Nov``."""
        return f"{self.day.day} {self.day:%b}"


@dataclass(frozen=True)
class Moment:
    """A point in time, already in the zone of its readers."""

    moment: datetime
    align: ClassVar[Align] = "start"

    def __post_init__(self) -> None:
        if self.moment.tzinfo is None:
            raise DataError("a moment in a report needs its time zone")

    @property
    def text(self) -> str:
        """``22 Nov 2026 09:05 CET``."""
        return f"{self.moment.day} {self.moment:%b %Y %H:%M %Z}"

    @property
    def short(self) -> str:
        """``22 Nov 09:05``."""
        return f"{self.moment.day} {self.moment:%b %H:%M}"


@dataclass(frozen=True)
class Absent:
    """Nothing is known, or the question makes no sense (a change from zero)."""

    align: ClassVar[Align] = "end"
    text: ClassVar[str] = "\u2013"
    short: ClassVar[str] = "\u2013"


def change(now: Decimal | int, before: Decimal | int) -> Percent | Absent:
    """Give the change between two periods; from nothing there is none."""
    if before == 0:
        return Absent()
    return Percent((Decimal(now) - Decimal(before)) / abs(Decimal(before)), signed=True)


def share(part: Decimal | int, whole: Decimal | int) -> Percent | Absent:
    """Give the share of a whole."""
    return Percent(Decimal(part) / Decimal(whole)) if whole else Absent()


def clean(text: str) -> str:
    """Make text from data fit for one line of a report; joined emoji stay together, direction marks go."""
    kept = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    joined = _INVISIBLE.sub(lambda found: found[0] if found[0] == _FLAG_OR_JOINED else "", kept)
    line = " ".join(joined.split())
    if len(line) <= MAX_TEXT_LENGTH:
        return line or "(empty)"
    return line[: MAX_TEXT_LENGTH - 1].rstrip(_FLAG_OR_JOINED + " ") + "…"


def _exact(number: object, what: str) -> None:
    if not isinstance(number, Decimal) or not number.is_finite():
        raise DataError(f"{what} must be a finite Decimal, not {type(number).__name__}; use numeric in the query")


def _fixed(number: Decimal, digits: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return f"{rounded + 0:,f}".replace("-", MINUS)


def _compact(number: Decimal) -> str | None:
    if abs(number) < COMPACT_FROM:
        return None
    unit, name = next(((unit, name) for unit, name in SCALES if abs(number) >= unit), SCALES[-1])
    return f"{_fixed(number / unit, 2)}{NBSP}{name}"
