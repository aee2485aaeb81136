"""What every rule can say about itself."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.violations import Violation

TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
INTEGERS = frozenset({"int2", "int4", "int8"})
FLOATS = frozenset({"float4", "float8"})
PSEUDONYMOUS = INTEGERS | TEXTS | {"uuid", "date", "enum", "numeric"}  # with one text for equal values


@dataclass(frozen=True)
class Spelling:
    """One value that people write in many ways, as the search for originals in kept columns reads it.

    :param name: of the kind of value, for example ``tel``; values of different kinds are never compared.
    :param begins: the least and the greatest character that it may begin with; what begins otherwise costs nothing.
    :param looks: RE2's regular expression of one to five words in lower case that may be such a value.
    :param normal: the engine's expression that is the same for every way to write it; ``{text}`` is the text.
    :param least: characters of the normal form below which an original is not searched for: it stands there by chance.
    """

    name: str
    begins: tuple[str, str]
    looks: str
    normal: str
    least: int

    def normalised(self, text: str) -> str:
        """Give the expression of a text's normal form."""
        return self.normal.replace("{text}", text)


class Rule(BaseModel):
    """One rule with its parameters. A rule is one class in a module of this package, whose field ``rule`` names it.

    SQL is DuckDB's, the engine of all files; ``name`` is always a quoted identifier.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    reads_values: ClassVar[bool] = True  # false: the column is not even exported
    keeps_values: ClassVar[bool] = False  # true: values arrive as they are, so originals of hidden columns may be there
    keeps_keys: ClassVar[bool] = False  # true: unique values stay unique, and equal ones equal
    keyed: ClassVar[bool] = False  # true: the new value follows from the old one and a secret key
    hides: ClassVar[bool] = False  # true: no original value may be found in the warehouse's column
    spelling: ClassVar[Spelling | None] = None  # of what is hidden; None: it is searched for as words

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a rule that promises what it does not say how to check."""
        super().__pydantic_init_subclass__(**kwargs)
        if cls.keyed and cls.key_domain is Rule.key_domain:
            raise TypeError(f"rule {cls.__name__} is keyed; it has to give its key_domain")
        if cls.hides and not cls.keyed and cls.form is Rule.form:
            raise TypeError(f"rule {cls.__name__} hides values; it has to give the form of those that it makes")

    def misfit(self, column: Column) -> str | None:
        """Say why the rule does not fit a column's type, or None when it does."""
        return None

    def result(self, column: Column) -> Column | None:
        """Give the column as the warehouse gets it, or None when it gets none."""
        return column.model_copy(update={"rule": self.rule})

    def prepared(self, column: Column, name: str) -> str | None:
        """Give an expression that ``expression`` needs more than once; it is computed once for each value."""
        return None

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the expression that makes the new value.

        :param prepared: the quoted name of what ``prepared`` gave; of a keyed rule, the hash of the value: 32
            hexadecimal digits.
        """
        return name

    def of_hash(self, column: Column, name: str, hashed: str) -> str:
        """Give the expression that makes a keyed rule's value of its hash.

        :param hashed: the hash's 128 bits, as the engine's UUID.
        """
        return self.expression(column, name, f"replace({hashed}::VARCHAR, '-', '')")

    def violation(self, column: Column) -> Violation | None:
        """Say when a warehouse row breaks the rule, or None."""
        return None

    def form(self) -> str | None:
        """Give the regular expression that every made value matches; originals of that form hide nothing."""
        return None

    def key_domain(self) -> str | None:
        """Give the domain whose key a keyed rule hashes values with; equal values of one domain stay equal."""
        return None

    def canonical(self, column: Column, name: str) -> str:
        """Give the expression of the text that a keyed rule's hash is made of."""
        return f"{name}::VARCHAR"


def what_fits(column: Column) -> str:
    """Name the rules that hide a column of this type whole, for messages."""
    if column.udt in PSEUDONYMOUS - {"numeric"}:
        return "pseudonym, null or drop"
    if column.udt.startswith("_") or column.udt in {"json", "jsonb", "xml", "hstore"}:
        return "null or drop, or name a view that masks its parts as the policy's source"
    return "null or drop"


def text_result(column: Column, rule: str) -> Column:
    """Give the column as text."""
    return column.model_copy(update={"type": "text", "udt": "text", "carrier": "text", "rule": rule})
