"""What a warehouse's row must not be, said without the SQL of any warehouse; each kind of warehouse says it in its own.

A rule gives one of these; NULL breaks none of them but ``Differs``.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Filled:
    """Any value is one too many."""


@dataclass(frozen=True)
class Differs:
    """Anything but one value, NULL included.

    :param text: the value in PostgreSQL's text form.
    """

    text: str


@dataclass(frozen=True)
class HasNotForm:
    """A text that does not match.

    :param pattern: a regular expression that RE2 and PostgreSQL read alike: no look-around, no escapes for classes.
    """

    pattern: str


@dataclass(frozen=True)
class WithinPeriod:
    """A moment that is not the first one of its period in UTC; infinity is."""

    period: Literal["day", "month", "year"]


@dataclass(frozen=True)
class NoMultiple:
    """A number that is no multiple of the step; of floating point numbers, not the nearest one to it.

    :param step: a decimal number as text.
    """

    step: str


@dataclass(frozen=True)
class Uncarried:
    """A value that the way in which the column travels in files would change; see ``column_encoding``."""


Violation = Filled | Differs | HasNotForm | WithinPeriod | NoMultiple | Uncarried
