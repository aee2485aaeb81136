"""What every rule can say about itself."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from baton_workloads.etl.manifest import Column

TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
INTEGERS = frozenset({"int2", "int4", "int8"})


class Rule(BaseModel):
    """One rule with its parameters.

    SQL for files is DuckDB's, SQL for the warehouse is PostgreSQL's; ``name`` is always a quoted identifier.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    reads_values: ClassVar[bool] = True  # false: the column is not even exported
    keeps_keys: ClassVar[bool] = False  # true: unique values stay unique, and equal ones equal
    keyed: ClassVar[bool] = False  # true: the new value follows from the old one and a secret key
    hides: ClassVar[bool] = False  # true: no original value may be found in the warehouse's column

    def misfit(self, column: Column) -> str | None:
        """Say why the rule does not fit a column's type, or None when it does."""
        return None

    def result(self, column: Column) -> Column | None:
        """Give the column as the warehouse gets it, or None when it gets none."""
        return column.model_copy(update={"rule": self.rule})

    def prepared(self, column: Column, name: str) -> str | None:
        """Give a DuckDB expression that ``expression`` needs more than once; it is computed once for each value."""
        return None

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the DuckDB expression that makes the new value.

        :param prepared: the quoted name of what ``prepared`` gave.
        """
        return name

    def violation(self, column: Column, name: str) -> str | None:
        """Give the PostgreSQL condition under which a warehouse row breaks the rule, or None."""
        return None

    def form(self) -> str | None:
        """Give the regular expression that every made value matches; originals of that form hide nothing."""
        return None


def text_result(column: Column, rule: str) -> Column:
    """Give the column as text."""
    return column.model_copy(update={"type": "text", "udt": "text", "carrier": "text", "rule": rule})
