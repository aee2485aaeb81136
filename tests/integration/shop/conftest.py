"""What the tests of the demo schema compare: rows and digests by table."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

TABLES = (
    "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'shop_meta') AND tablename <> 'build' "
    "ORDER BY 1, 2"
)


def _tables(connection: psycopg.Connection) -> list[sql.Identifier]:
    """All tables that a build makes."""
    return [sql.Identifier(schema, name) for schema, name in connection.execute(TABLES)]


def _fingerprints(dsn: str) -> dict[str, str]:
    """MD5 over the rows of each table, whatever their physical order."""
    query = sql.SQL("SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {} t")
    with psycopg.connect(dsn) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'")
        return {
            table.as_string(): str(connection.execute(query.format(table)).fetchone()) for table in _tables(connection)
        }


def _row_counts(dsn: str) -> dict[str, int]:
    """Number of rows by table of schema public."""
    with psycopg.connect(dsn) as connection:
        counts = {}
        for table in _tables(connection):
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
            counts[table.as_string().replace('"', "").removeprefix("public.")] = row[0] if row else 0
        return counts


@pytest.fixture(name="fingerprints")
def fingerprints_of() -> Callable[[str], dict[str, str]]:
    """Digest of each table of a database."""
    return _fingerprints


@pytest.fixture(name="row_counts")
def row_counts_of() -> Callable[[str], dict[str, int]]:
    """Rows of each table of a database."""
    return _row_counts
