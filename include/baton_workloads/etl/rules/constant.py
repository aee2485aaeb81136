"""Rules that need no arithmetic: keep, drop, null, fixed."""

import re
from typing import ClassVar, Literal

from baton_workloads.etl.column_encoding import NATIVE
from baton_workloads.etl.engine import literal
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import Rule
from baton_workloads.etl.rules.violations import Differs, Filled, Violation

INTEGER = r"-?[0-9]{1,18}"
NUMBER = r"-?[0-9]+(\.[0-9]+)?"
CATALOG_NAMES = {"regclass", "regproc", "regprocedure", "regoper", "regoperator", "regtype", "regrole", "regnamespace",
                 "regconfig", "regdictionary", "regcollation"}  # fmt: skip
FORMS = {
    "int2": INTEGER,
    "int4": INTEGER,
    "int8": INTEGER,
    "numeric": NUMBER,
    "float4": NUMBER,
    "float8": NUMBER,
    "bool": r"true|false",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


class Keep(Rule):
    """The value goes to the warehouse exactly as it is."""

    rule: Literal["keep"]
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    def misfit(self, column: Column) -> str | None:
        """Types that the source's users made do not exist in the warehouse."""
        if column.udt == "other":
            return f"type {column.type} is not built into PostgreSQL and cannot be kept; use drop or null"
        return None

    def result(self, column: Column) -> Column:
        """Enums, citext and names of the source's tables arrive as text: what they mean belongs to the source."""
        if column.udt in {"enum", "citext"} | CATALOG_NAMES:
            return column.model_copy(update={"type": "text", "udt": "text", "rule": self.rule})
        return column.model_copy(update={"rule": self.rule})


class Drop(Rule):
    """The warehouse has no such column."""

    rule: Literal["drop"]
    reads_values: ClassVar[bool] = False

    def result(self, column: Column) -> None:
        """Give no column."""
        return


class Null(Rule):
    """The warehouse has the column, always NULL."""

    rule: Literal["null"]
    reads_values: ClassVar[bool] = False

    def result(self, column: Column) -> Column:
        """Keep the type where the warehouse has it."""
        known = Keep(rule="keep").misfit(column) is None
        kept = Keep(rule="keep").result(column) if known else column.model_copy(update={"type": "text", "udt": "text"})
        return kept.model_copy(update={"rule": self.rule, "carrier": "absent"})

    def violation(self, column: Column) -> Violation:
        """Any value is one too many."""
        return Filled()


class Fixed(Rule):
    """Every row gets the same value, given in PostgreSQL's text form."""

    rule: Literal["fixed"]
    value: str | int | bool
    reads_values: ClassVar[bool] = False

    def misfit(self, column: Column) -> str | None:
        """Only types whose text form needs no further cast."""
        if column.udt in {"other", "bytea"} or column.udt.startswith("_"):
            return f"type {column.type} takes no fixed value; use null"
        form = FORMS.get(column.udt)
        if form is not None and not re.fullmatch(form, self.text()):
            return f"the value is no {column.type}"
        return None

    def text(self) -> str:
        """Give the value in PostgreSQL's text form."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    def result(self, column: Column) -> Column:
        """Carry the value natively where the engine has the type."""
        kept = Keep(rule="keep").result(column)
        carrier = "native" if kept.udt in NATIVE else "text"
        return kept.model_copy(update={"rule": self.rule, "carrier": carrier})

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the value for each row."""
        return f"{literal(self.text())}::{NATIVE.get(column.udt, 'VARCHAR')}"

    def violation(self, column: Column) -> Violation:
        """Anything but the value."""
        return Differs(self.text())
