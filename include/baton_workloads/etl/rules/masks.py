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
ADDRESS = rf"^[{LETTERS}.!#$%&'*+/=?^_`{{|}}~-]*@(?:[{LETTERS}-]+\.)+[A-Za-z]{{2,}}$"


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
        """Give what is the ending if the text is an address."""
        return f"lower(split_part({name}, '.', -1))"

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the masked address. The pattern takes nothing apart, which would cost three times as much."""
        sign = f"ord({name})"
        first = (
            f"CASE WHEN {sign} BETWEEN ord('A') AND ord('Z') THEN chr({sign} + 32)"
            f" WHEN {sign} BETWEEN ord('a') AND ord('z') OR {sign} BETWEEN ord('0') AND ord('9') THEN chr({sign})"
            f" ELSE '' END"
        )
        return (
            f"CASE WHEN {name} IS NULL THEN NULL WHEN NOT regexp_matches({name}, {literal(ADDRESS)}) THEN '***'"
            f" WHEN regexp_full_match({prepared}, {literal(f'{ENDINGS}|[a-z]{{2}}')})"
            f" THEN concat({first}, '***@***.', {prepared}) ELSE concat({first}, '***@***') END"
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

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the masked number. Digits are picked out only where the text does not end with those that stay."""
        if not self.keep_last:
            return f"CASE WHEN {name} IS NULL THEN NULL ELSE '***' END"
        enough, end = f"^(?:[^0-9]*[0-9]){{{self.keep_last + 6}}}", f"[0-9]{{{self.keep_last}}}$"
        digits = f"regexp_replace({name}, '[^0-9]+', '', 'g')"
        return (
            f"CASE WHEN {name} IS NULL THEN NULL WHEN NOT regexp_matches({name}, {literal(enough)}) THEN '***'"
            f" WHEN regexp_matches({name}, {literal(end)}) THEN '***' || right({name}, {self.keep_last})"
            f" ELSE '***' || right({digits}, {self.keep_last}) END"
        )
