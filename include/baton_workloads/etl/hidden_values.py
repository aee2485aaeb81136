"""Anti-joins: no original value behind a pseudonym or a mask may stand in the warehouse's column.

Masked columns were found to hold only masked forms, of which there are few: they are fetched and looked up in the raw
files; an original that already looks masked hides nothing and is left out. A pseudonym column holds 128-bit values,
so only originals that can be read as such could stand in it; mostly there are none, and nothing needs fetching.
"""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl import engine
from baton_workloads.etl.checks import Check
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column, Manifest
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules.base import TEXTS
from baton_workloads.etl.source import qualified
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb
    import psycopg

MEMORY = "256MB"  # a few copies of the widest row; candidates of a column of many million keys go to disk


def absent(
    connection: "psycopg.Connection[Any]", dsn: str, raw_uri: str, raw: Manifest, made: Manifest, policy: Policy
) -> list[Check]:
    """Look for originals in every column that a rule hides.

    :raises DataError: a raw file is gone or damaged.
    """
    import duckdb

    arrived = {column.name for column in made.columns}
    hidden = [c for c in raw.columns if c.name in arrived and policy.rule(c.name).hides]
    if not hidden:
        return []
    found = engine.connect(postgres=True, memory=MEMORY)
    try:
        _prepare(found, connection, hidden, made, policy)
        for file in raw.files:
            uri = join(raw_uri.rsplit("/", 1)[0], file.path)
            with store_for(uri).reading(uri, file.bytes, file.sha256) as path:
                _collect(found, hidden, str(path), policy)
        return [_verdict(found, dsn, column, made, policy) for column in hidden]
    except duckdb.Error as err:
        raise engine.translate(err, f"validate {raw.dataset}") from err
    finally:
        found.close()


def _masked(column: Column, policy: Policy) -> bool:
    return policy.rule(column.name).form() is not None


def _prepare(
    found: "duckdb.DuckDBPyConnection",
    connection: "psycopg.Connection[Any]",
    hidden: list[Column],
    made: Manifest,
    policy: Policy,
) -> None:
    """Make a table for each column: the few masked values, or the candidates for a pseudonym column."""
    for number, column in enumerate(hidden):
        found.execute(f"CREATE TABLE found_{number} (value {'VARCHAR' if _masked(column, policy) else 'UUID'})")
        if _masked(column, policy):
            name = identifier(column.name)
            query = f"SELECT DISTINCT {name} FROM {qualified(made.target)} WHERE {name} IS NOT NULL"  # noqa: S608
            values = [row[0] for row in connection.execute(query.encode())]
            found.execute(f"CREATE TABLE masked_{number} AS SELECT unnest($1::VARCHAR[]) AS value", [values])


def _collect(found: "duckdb.DuckDBPyConnection", hidden: list[Column], path: str, policy: Policy) -> None:
    for number, column in enumerate(hidden):
        name, file = identifier(column.name), engine.parquet(path)
        if _masked(column, policy):
            form = literal(str(policy.rule(column.name).form()))
            query = (
                f"SELECT {name} FROM {file} WHERE {name} IN (FROM masked_{number})"  # noqa: S608
                f" AND NOT regexp_matches({name}, {form})"
            )
        elif column.udt in TEXTS | {"uuid"}:
            query = f"SELECT DISTINCT TRY_CAST({name} AS UUID) FROM {file} WHERE TRY_CAST({name} AS UUID) IS NOT NULL"  # noqa: S608
        else:
            continue  # no number or date reads as 128 bits
        found.execute(f"INSERT INTO found_{number} {query}")


def _verdict(found: "duckdb.DuckDBPyConnection", dsn: str, column: Column, made: Manifest, policy: Policy) -> Check:
    number = [c.name for c in made.columns if policy.rule(c.name).hides].index(column.name)
    what = f"no original of {column.name} is left"
    count = found.execute(f"SELECT count(*) FROM found_{number}").fetchone()  # noqa: S608
    candidates = int(count[0]) if count else 0
    if _masked(column, policy) or candidates == 0:
        return Check(what, candidates)
    found.execute(f"ATTACH IF NOT EXISTS {literal(dsn)} AS warehouse (TYPE postgres, READ_ONLY)")
    found.execute("BEGIN")
    query = f"SELECT {identifier(column.name)} AS value FROM {qualified(made.target)}"  # noqa: S608
    looked_up = f"found_{number} SEMI JOIN postgres_query('warehouse', {literal(query)}) USING (value)"
    try:
        count = found.execute(f"SELECT count(*) FROM {looked_up}").fetchone()  # noqa: S608
    finally:
        engine.roll_back(found)
    return Check(what, int(count[0]) if count else 0)
