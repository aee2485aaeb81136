"""Coarser dates and numbers.

Rounding: to the nearest multiple of the step, halves away from zero, as PostgreSQL's ``round(numeric)`` does.
Integers and numerics are rounded in exact decimal arithmetic, floating point numbers in floating point.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from baton_workloads.etl.column_encoding import LAST_MOMENT, NATIVE
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import FLOATS, INTEGERS, Rule
from baton_workloads.etl.rules.violations import NoMultiple, Violation, WithinPeriod

DATES = frozenset({"date", "timestamp", "timestamptz"})
MAX_DIGITS = 38  # of the engine's decimals
FAST_DIGITS = 18  # what fits into 64 bits


def _decimal_text(value: object) -> object:
    """Accept 500, 0.5 and "0.5"; keep the text, as a float would not be exact."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class GeneraliseDate(Rule):
    """The first moment of the value's day, month or year; times with zone are cut in UTC."""

    rule: Literal["generalise_date"]
    to: Literal["day", "month", "year"]

    def misfit(self, column: Column) -> str | None:
        """Dates and timestamps; a date's day is the date itself."""
        if column.udt not in DATES:
            return f"type {column.type} is no date or timestamp"
        if column.udt == "date" and self.to == "day":
            return "a date cut to the day stays as it is; use month, year or keep"
        if column.carrier == "text":
            return f"it holds moments after {LAST_MOMENT}, which cannot be cut exactly; use null or keep"
        return None

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Cut; infinity stays infinity."""
        cut = f"date_trunc('{self.to}', {name})::{NATIVE[column.udt]}"
        if column.udt == "timestamptz":  # by way of the clock time in UTC, which spares the engine its calendars
            cut = f"make_timestamptz(epoch_us(date_trunc('{self.to}', make_timestamp(epoch_us({name})))))"
        return f"CASE WHEN isfinite({name}) THEN {cut} ELSE {name} END"

    def violation(self, column: Column) -> Violation:
        """Anything that is not the first moment."""
        return WithinPeriod(self.to)


class GeneraliseNumber(Rule):
    """The nearest multiple of the step."""

    rule: Literal["generalise_number"]
    step: Annotated[str, BeforeValidator(_decimal_text), Field(pattern=r"^[0-9]{1,18}(\.[0-9]{1,12})?$")]
    reads_values: ClassVar[bool] = True

    def misfit(self, column: Column) -> str | None:
        """Integers with an integer step, numerics with a precision, floats."""
        if self._step() <= 0:
            return "step must be above zero"
        if column.udt in FLOATS:
            return None
        if column.udt in INTEGERS:
            return None if self._step() == int(self._step()) else f"type {column.type} needs a whole step"
        if column.udt != "numeric":
            return f"type {column.type} is no number"
        return self._numeric_misfit(column)

    def _numeric_misfit(self, column: Column) -> str | None:
        found = re.search(r"\((\d+),(-?\d+)\)", column.type)
        if not found or column.carrier == "text":
            return (
                "numeric with NaN, or without a precision (of at most 38 digits), cannot be rounded exactly; use null"
            )
        if self._scale() > int(found[2]):
            return f"step {self.step} has more decimals than {column.type}"
        return None

    def _step(self) -> Decimal:
        try:
            return Decimal(self.step)
        except InvalidOperation as err:
            raise ValueError("step is no number") from err

    def _scale(self) -> int:
        exponent = self._step().normalize().as_tuple().exponent
        return max(0, -int(exponent))

    def prepared(self, column: Column, name: str) -> str | None:
        """Give the remainder, which has the value's sign."""
        if column.udt in FLOATS:
            return None
        _, wide = self._decimals(column)
        if column.udt in INTEGERS:
            return f"({name}::BIGINT % {self.step}::BIGINT)::{wide}"
        remainder = f"({name}::{wide} % {self.step}::{wide})::{wide}"
        narrow = self._narrow(wide)
        if narrow is None:
            return remainder
        kind, limit = narrow
        return (
            f"CASE WHEN abs({name}) < {limit} THEN ({name}::{kind} % {self.step}::{kind})::{wide} ELSE {remainder} END"
        )

    def _narrow(self, wide: str) -> tuple[str, int] | None:
        """Give a type of 64 bits for small values, and the value below which it holds them and the step.

        Why: the engine divides 128-bit numbers ten times slower, and few values are that large.
        """
        digits, scale = (int(number) for number in re.findall(r"\d+", wide))
        limit = 10 ** max(0, FAST_DIGITS - scale)
        return (f"DECIMAL({FAST_DIGITS},{scale})", limit) if digits > FAST_DIGITS and self._step() < limit else None

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Round."""
        if column.udt in FLOATS:
            kind = NATIVE[column.udt]
            return f"(round({name}::DOUBLE / {self.step}::DOUBLE) * {self.step}::DOUBLE)::{kind}"
        kind, wide = self._decimals(column)
        step = f"{self.step}::{wide}"
        # Written without doubling the remainder, which could leave the type's range.
        up = f"CASE WHEN {prepared} >= {step} - {prepared} THEN {step}"
        down = f"WHEN -{prepared} >= {step} + {prepared} THEN -{step} ELSE 0::{wide} END"
        return f"({name}::{wide} - {prepared} + {up} {down})::{kind}"

    def _decimals(self, column: Column) -> tuple[str, str]:
        """Give the column's type and one to compute in; 64 bits are many times faster than 128."""
        if column.udt in INTEGERS:
            return NATIVE[column.udt], "HUGEINT" if column.udt == "int8" else "BIGINT"
        found = re.search(r"\((\d+),(-?\d+)\)", column.type)
        precision, scale = (int(found[1]), int(found[2])) if found else (MAX_DIGITS, 0)
        digits = max(precision, len(self.step.split(".")[0]) + scale) + 1
        wide = FAST_DIGITS if digits <= FAST_DIGITS else MAX_DIGITS
        return f"DECIMAL({precision},{scale})", f"DECIMAL({wide},{scale})"

    def violation(self, column: Column) -> Violation:
        """Anything that is no multiple of the step."""
        return NoMultiple(self.step)
