"""Masks: what is left of an e-mail address or a phone number tells its kind, not its owner.

A value that is no address at all becomes ``***``. NULL stays NULL.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from baton_workloads.etl.engine import literal
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import TEXTS, Rule, Spelling, text_result
from baton_workloads.etl.rules.violations import HasNotForm, Violation

ADDRESS = r"^([A-Za-z0-9]?)[^@]*@[^@]+\.([A-Za-z]{2,})$"


class Mask(Rule):
    """A text whose rest has a form of its own."""

    hides: ClassVar[bool] = True

    def misfit(self, column: Column) -> str | None:
        """Masks work on text."""
        if column.udt not in TEXTS:
            return f"type {column.type} is not text; use null, drop or pseudonym"
        return None

    def result(self, column: Column) -> Column:
        """Give text."""
        return text_result(column, self.rule)

    def violation(self, column: Column) -> Violation:
        """Everything that does not look masked."""
        return HasNotForm(self.form())

    def form(self) -> str:
        """Give the form of a masked value."""
        raise NotImplementedError


class MaskEmail(Mask):
    """``jane.doe@mail.example.com`` becomes ``j***@***.com``: first character and top-level domain stay."""

    rule: Literal["mask_email"]

    def form(self) -> str:
        """Give the form of a masked address."""
        return r"^(\*\*\*|[a-z0-9]?\*\*\*@\*\*\*\.[a-z]{2,})$"

    def prepared(self, column: Column, name: str) -> str:
        """Take the address apart; both parts are empty where it is none."""
        # Flag s: an address field may hold a line break; it must not slip past the pattern.
        return f"regexp_extract({name}, {literal(ADDRESS)}, ['first', 'top'], 's')"

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the masked address."""
        return (
            f"CASE WHEN {name} IS NULL THEN NULL WHEN {prepared}.top = '' THEN '***'"
            f" ELSE lower({prepared}.first) || '***@***.' || lower({prepared}.top) END"
        )


class MaskPhone(Mask):
    """``+49 151 2345678`` becomes ``***78``: the last digits stay, if the number has at least six digits more."""

    rule: Literal["mask_phone"]
    keep_last: Annotated[int, Field(ge=0, le=4)] = 2
    spelling: ClassVar[Spelling | None] = Spelling(
        name="tel",
        begins=("(", "9"),
        looks="[+0-9 .()-]{8,}",
        normal="ltrim(regexp_replace({text}, '[^0-9]+', '', 'g'), '0')",
        least=8,
    )

    def form(self) -> str:
        """Give the form of a masked number."""
        return rf"^\*\*\*([0-9]{{{self.keep_last}}})?$"

    def prepared(self, column: Column, name: str) -> str | None:
        """Give the number's digits."""
        return f"regexp_replace({name}, '[^0-9]+', '', 'g')" if self.keep_last else None

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the masked number."""
        if not self.keep_last:
            return f"CASE WHEN {name} IS NULL THEN NULL ELSE '***' END"
        return (
            f"CASE WHEN {name} IS NULL THEN NULL"
            f" WHEN length({prepared}) >= {self.keep_last + 6} THEN '***' || right({prepared}, {self.keep_last})"
            f" ELSE '***' END"
        )
