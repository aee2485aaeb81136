"""The demo schema ``shop``: made inside PostgreSQL from ``include/shop/*.sql``, the same rows on every machine.

Why one transaction: whatever is killed in the middle (this process, the server, the machine), the database is as it was
before, and a reader never sees half a shop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, LiteralString

import psycopg
import typer

from baton_local.errors import StackError

DEFAULT_SCALE = 0.005
REFERENCE = date(2026, 11, 1)

SQL_FOLDER = Path(__file__).parent.parent / "shop"
STEPS = (
    "drop.sql",
    "schema.sql",
    "../baton_workloads/idempotent/ledger.sql",  # of the jobs that work on the shop, whose roles may not make it
    "seed/10_helpers.sql",
    "seed/20_vocabulary.sql",
    "seed/30_people.sql",
    "seed/40_trade.sql",
    "seed/50_money.sql",
    "seed/60_back_office.sql",
    "keys.sql",
    "comments.sql",
    "seed/80_canary.sql",
    "seed/90_finish.sql",
)

META = "CREATE SCHEMA shop_meta; CREATE TABLE shop_meta.build (version text, scale text, reference text, canary text)"

# Without the check interval a server works on, and holds its locks, long after its client was killed.
SESSION: tuple[LiteralString, ...] = (
    "SET LOCAL client_connection_check_interval = '1s'",
    "SET LOCAL lock_timeout = '30s'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL search_path = public",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL client_min_messages = warning",
    "SET LOCAL jit = off",
    # A merge join would store the lines in the order of their products.
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL work_mem = '128MB'",
    "SET LOCAL maintenance_work_mem = '256MB'",
)

# Called before each step with its name, its number from 0 and how many there are.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Build:
    """What a demo database was made from; equal builds have equal rows."""

    version: str
    scale: str
    reference: str
    canary: str


def make(
    dsn: str,
    scale: float | None = None,
    *,
    canary: str | None = None,
    reference: date = REFERENCE,
    anew: bool = False,
    progress: Progress = lambda step, number, total: None,
) -> bool:
    """Fill the database at ``dsn`` with the demo schema; does nothing where the same build already is.

    Why it compares builds, not rows: DAGs change the data (that is what they are for); ``anew`` brings it back.

    :param dsn: libpq URI of a database that the role may create schemas in.
    :param scale: 1 is 2 million customers and 6 million orders; None for the scale that is there, at first
        ``DEFAULT_SCALE``.
    :param canary: text to plant into personal columns of the first rows of each table; see ``seed/80_canary.sql``.
    :param reference: the day that counts as today in the data.
    :param anew: make it again even when the same build is there; changes made since are lost.
    :returns: whether anything was made.
    :raises StackError: wrong scale, no connection, a database that holds something else, or one in use.
    """
    if scale is not None and not 0 < scale <= 100:
        raise StackError(f"scale must be above 0 and at most 100, not {scale}: 1 means 2 million customers.")
    with _transaction(dsn) as connection:
        found = _found(connection)
        build = Build(_version(), _scale(scale, found), reference.isoformat(), canary or "")
        if found == build and not anew:
            return False
        _fill(connection, build, progress)
    return True


def _scale(wanted: float | None, found: Build | None) -> str:
    if wanted is None and found is not None:
        return found.scale
    return f"{DEFAULT_SCALE if wanted is None else wanted:.6f}"


def _version() -> str:
    """Digest of all SQL that makes the schema and its rows."""
    digest = hashlib.sha256()
    for step in STEPS:
        digest.update((SQL_FOLDER / step).read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _transaction(dsn: str) -> Iterator[psycopg.Connection]:
    """One transaction, alone in its database; errors come out as ``StackError`` without any value of the data."""
    try:
        with psycopg.connect(dsn, connect_timeout=10, application_name="baton shop") as connection:
            for setting in SESSION:
                connection.execute(setting)
            # Two makers at once: the second waits, then finds the first one's build.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('baton shop', 0))")
            yield connection
    except psycopg.errors.LockNotAvailable as err:
        raise StackError("Another session uses the demo data and holds a lock; end it and run again.") from err
    except psycopg.Error as err:
        reason = err.diag.message_primary or str(err).strip()
        raise StackError(f"The demo data could not be made ({err.sqlstate or 'no connection'}): {reason}") from err


def _found(connection: psycopg.Connection) -> Build | None:
    """The build that is there, if any.

    :raises StackError: the database is no place for the demo: it holds other tables, or is not UTF-8.
    """
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise StackError(f"Database {connection.info.dbname} is not UTF-8: make one with ENCODING 'UTF8'.")
    row = connection.execute("SELECT to_regclass('shop_meta.build')").fetchone()
    if row is not None and row[0] is not None:
        stored = connection.execute("SELECT version, scale, reference, canary FROM shop_meta.build").fetchone()
        return Build(*stored) if stored else None
    others = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' LIMIT 3").fetchall()
    if others:
        names = ", ".join(name for (name,) in others)
        raise StackError(
            f"Database {connection.info.dbname} holds tables that are not the demo's ({names}, …). The demo drops "
            "and makes its tables: name an empty database."
        )
    return None


def _fill(connection: psycopg.Connection, build: Build, progress: Progress) -> None:
    for name, value in (("scale", build.scale), ("reference", build.reference), ("canary", build.canary)):
        connection.execute("SELECT set_config(%s, %s, true)", (f"seed.{name}", value))
    for number, step in enumerate(STEPS):
        progress(step.removesuffix(".sql"), number, len(STEPS))
        connection.execute((SQL_FOLDER / step).read_bytes())
        if step == "drop.sql":
            connection.execute(META)
    connection.execute("INSERT INTO shop_meta.build VALUES (%s, %s, %s, %s)", astuple(build))
    connection.execute("ANALYZE")


def main(
    dsn: Annotated[str, typer.Option(envvar="SHOP_DSN", help="libpq URI of an empty database, or of an older demo.")],
    scale: Annotated[float, typer.Option(help="1 = 2 million customers, 6 million orders.")] = DEFAULT_SCALE,
    canary: Annotated[str | None, typer.Option(help="Text to plant into personal columns.")] = None,
    reference: Annotated[str, typer.Option(help="ISO date that counts as today in the data.")] = REFERENCE.isoformat(),
    anew: Annotated[bool, typer.Option(help="Make it again even when the same build is there.")] = False,
) -> None:
    """Make the demo schema `shop` in a PostgreSQL database."""
    try:
        made = make(
            dsn, scale, canary=canary, reference=date.fromisoformat(reference), anew=anew,
            progress=lambda step, number, total: typer.echo(f"{number + 1:>2}/{total} {step}", err=True),
        )  # fmt: skip
    except ValueError as err:
        raise typer.BadParameter(f"{reference!r} is no ISO date such as {REFERENCE}", param_hint="--reference") from err
    except StackError as err:
        typer.echo(f"error: {err}", err=True)
        raise typer.Exit(1) from err
    typer.echo("made" if made else "already there")


if __name__ == "__main__":
    typer.run(main)
