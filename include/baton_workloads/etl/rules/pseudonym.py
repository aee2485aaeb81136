"""Keyed pseudonyms: the same value gives the same pseudonym wherever the same domain is named, so joins survive.

Specification, version 1:

- domain key = lower-case hex of HMAC-SHA256(secret key, ``baton/pseudonym/1/`` + domain)
- pseudonym = the first 128 bits of HMAC-SHA256(domain key as ASCII, canonical text as UTF-8), as a ``uuid``
- canonical text = PostgreSQL's text form of the value: integers in decimal, ``numeric`` the same (what has decimals in
  a column without a scale is without zeros at their end: 12.00 is 12), uuid in lower case with dashes, dates as
  ``YYYY-MM-DD``, ``char(n)`` without padding, ``citext`` in lower case, any other text as it is
- NULL stays NULL; the empty text is a value

Why 128 bits as uuid: 16 bytes instead of 64 in every table and index, and a chance of one in 10**20 that two of a
billion values meet. Bits are not set to a UUID version: the type is a container for 128 opaque bits.
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import PSEUDONYMOUS, Rule, what_fits


class Pseudonym(Rule):
    """A keyed, one-way stand-in for a value.

    :param domain: values of one domain share pseudonyms, for example ``customer`` for ``customers.id`` and
        ``orders.customer_id``.
    """

    rule: Literal["pseudonym"]
    domain: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")]
    keeps_keys: ClassVar[bool] = True
    keyed: ClassVar[bool] = True
    hides: ClassVar[bool] = True

    def misfit(self, column: Column) -> str | None:
        """Only types with one text form for equal values."""
        if column.udt == "numeric" and re.search(r",[1-9]", column.type):
            return f"type {column.type} is an amount, not a key; use generalise_number, null or drop"
        if column.udt not in PSEUDONYMOUS:
            return f"type {column.type} has no canonical text for a pseudonym; use {what_fits(column)}"
        return None

    def result(self, column: Column) -> Column:
        """Give a uuid."""
        return column.model_copy(update={"type": "uuid", "udt": "uuid", "carrier": "native", "rule": self.rule})

    def key_domain(self) -> str:
        """Give the domain."""
        return self.domain

    def canonical(self, column: Column, name: str) -> str:
        """Give the expression of the canonical text."""
        if column.udt == "numeric":
            text = f"{name}::VARCHAR"
            return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
        return f"lower({name})" if column.udt == "citext" else super().canonical(column, name)

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the hash as 128 bits."""
        return f"{prepared}::UUID"

    def of_hash(self, column: Column, name: str, hashed: str) -> str:
        """Give the hash."""
        return hashed
