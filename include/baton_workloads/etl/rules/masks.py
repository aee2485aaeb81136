"""Masks: what is left of an e-mail address or a phone number tells its kind, not its owner.

A value that is no address at all becomes ``***``: free text in such a column would show its last word. NULL stays NULL.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from baton_workloads.etl.engine import literal
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import TEXTS, Rule, Spelling, text_result, what_fits
from baton_workloads.etl.rules.violations import HasNotForm, Violation

# What is kept of a domain: countries, and the endings that many share. Any other may be a name: `at@home.or.ask.smith`.
ENDINGS = (
    "com|net|org|info|biz|edu|gov|mil|int|eu|asia|app|dev|cloud|online|site|shop|store|xyz|email|tech|agency|design|media"
    "|digital|solutions|services|systems|software|studio|world|live|news|blog|club|life|work|space|website|company|group"
)
LETTERS = r"\pL\pM\pN"
LOCAL = rf"([A-Za-z0-9]?)[{LETTERS}.!#$%&'*+/=?^_`{{|}}~-]*"
ADDRESS = rf"^{LOCAL}(@)(?:[{LETTERS}-]+\.)+(?:({ENDINGS}|[A-Za-z]{{2}})|[A-Za-z]{{3,}})$"


class Mask(Rule):
    """A text whose rest has a form of its own."""

    hides: ClassVar[bool] = True

    def misfit(self, column: Column) -> str | None:
        """Masks work on text."""
        if column.udt not in TEXTS:
            return f"type {column.type} is not text; use {what_fits(column)}"
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
    """``jane.doe@mail.example.com`` becomes ``j***@***.com``: the first letter and a common ending stay."""

    rule: Literal["mask_email"]

    def form(self) -> str:
        """Give the form of a masked address."""
        return rf"^(\*\*\*|[a-z0-9]?\*\*\*@\*\*\*(\.({ENDINGS}|[a-z]{{2}}))?)$"

    def prepared(self, column: Column, name: str) -> str:
        """Take the address apart; all parts are empty where it is none."""
        return f"regexp_extract({name}, {literal(ADDRESS)}, ['first', 'at', 'ending'], 'i')"

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the masked address."""
        return (
            f"CASE WHEN {name} IS NULL THEN NULL WHEN {prepared}.at = '' THEN '***'"
            f" WHEN {prepared}.ending = '' THEN lower({prepared}.first) || '***@***'"
            f" ELSE lower({prepared}.first) || '***@***.' || lower({prepared}.ending) END"
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
