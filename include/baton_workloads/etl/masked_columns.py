"""Anti-joins: no original value behind a pseudonym or a mask may stand in the warehouse's column.

Masked columns were found to hold only masked forms, of which there are few: they are fetched and looked up in the raw
files; an original that already looks masked hides nothing and is left out. A keyed column has many values: only those
originals are looked up that could stand there by type and form. Mostly there are none, and nothing is fetched.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from baton_workloads.etl import engine
from baton_workloads.etl.checks import Check
from baton_workloads.etl.column_encoding import NATIVE
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column, Manifest
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules.base import TEXTS
from baton_workloads.etl.warehouses.base import Reading
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb

MEMORY = "256MB"  # a few copies of the widest row; candidates of a column of many million keys go to disk


def absent(warehouse: Reading, raw_uri: str, raw: Manifest, made: Manifest, policy: Policy) -> list[Check]:
    """Look for originals in every column that a rule hides.

    :raises DataError: a raw file is gone or damaged.
    """
    import duckdb

    sources = {column.name: column for column in raw.columns}
    hidden = [
        Hidden(number, sources[column.name], column, rule.form(), rule.keyed)
        for number, column in enumerate(made.columns)
        if (rule := policy.rule(column.name)).hides
    ]
    if not hidden:
        return []
    found = warehouse.engine(MEMORY)
    try:
        for column in hidden:
            _prepare(found, warehouse, column, made.target)
        for file in raw.files:
            uri = join(raw_uri.rsplit("/", 1)[0], file.path)
            with store_for(uri).reading(uri, file.bytes, file.sha256) as path:
                for column in hidden:
                    _collect(found, column, str(path))
        return [_verdict(found, warehouse, column, made.target) for column in hidden]
    except duckdb.Error as err:
        raise engine.translate(err, f"validate {raw.dataset}") from err
    finally:
        found.close()


@dataclass(frozen=True)
class Hidden:
    """A column whose originals are looked for.

    :param form: what every value of it in the warehouse looks like, where its rule has a form.
    """

    number: int
    source: Column
    made: Column
    form: str | None
    keyed: bool

    @property
    def mask(self) -> str | None:
        """Give the form where few values have it; those of a keyed column are as many as the originals."""
        return None if self.keyed else self.form

    @property
    def type(self) -> str:
        """Give the engine's type of its values in the warehouse."""
        return "VARCHAR" if self.mask is not None else NATIVE.get(self.made.udt, "VARCHAR")


def _prepare(found: "duckdb.DuckDBPyConnection", warehouse: Reading, column: Hidden, table: str) -> None:
    """Make a table for the originals that are found, and one of the few masked values."""
    found.execute(f"CREATE TABLE found_{column.number} (value {column.type})")
    if column.mask is not None:
        values = warehouse.distinct(table, column.made.name)
        found.execute(f"CREATE TABLE masked_{column.number} AS SELECT unnest($1::VARCHAR[]) AS value", [values])


def _collect(found: "duckdb.DuckDBPyConnection", column: Hidden, path: str) -> None:
    name, file = identifier(column.source.name), engine.parquet(path)
    if column.mask is not None:
        query = (
            f"SELECT {name} FROM {file} WHERE {name} IN (FROM masked_{column.number})"  # noqa: S608
            f" AND NOT regexp_matches({name}, {literal(column.mask)})"
        )
    elif column.type == "UUID" and column.source.udt not in TEXTS | {"uuid"}:
        return  # no number or date reads as 128 bits
    else:
        value = f"TRY_CAST({name} AS {column.type})"
        alike = f" AND regexp_matches({value}, {literal(column.form)})" if column.form is not None else ""
        query = f"SELECT DISTINCT {value} FROM {file} WHERE {value} IS NOT NULL{alike}"  # noqa: S608
    found.execute(f"INSERT INTO found_{column.number} {query}")


def _verdict(found: "duckdb.DuckDBPyConnection", warehouse: Reading, column: Hidden, table: str) -> Check:
    what = f"no original of {column.made.name} is left"
    candidates = _count(found, f"found_{column.number}")
    if column.mask is not None or candidates == 0:
        return Check(what, candidates)
    with warehouse.values(found, table, column.made.name) as values:
        return Check(what, _count(found, f"found_{column.number} SEMI JOIN {values} USING (value)"))


def _count(found: "duckdb.DuckDBPyConnection", rows: str) -> int:
    count = found.execute(f"SELECT count(*) FROM {rows}").fetchone()  # noqa: S608
    return int(count[0]) if count else 0
