"""What a reader would see in part, or not at all, is read whole or refused by name before anything is locked."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

KEEP = {"columns": {"id": "keep"}}
TABLE = "CREATE TABLE things AS SELECT i AS id FROM generate_series(1, 10) i"
PARTS = (
    "CREATE TABLE things (id int) PARTITION BY RANGE (id)",
    "CREATE TABLE things_1 PARTITION OF things FOR VALUES FROM (0) TO (5)",
    "CREATE TABLE things_2 PARTITION OF things FOR VALUES FROM (5) TO (11)",
    "INSERT INTO things SELECT i FROM generate_series(1, 10) i",
)
FOREIGN = (
    "CREATE FOREIGN DATA WRAPPER nothing",
    "CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing",
)
RLS = (
    "ALTER TABLE things ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY few ON things USING (id < 3)",
    "GRANT SELECT ON things TO {role}",
)


@pytest.fixture
def reader(file_chain: Any) -> Iterator[tuple[Any, str]]:
    """The chain with a role of no rights but to read the snapshot's name; gives it and the role."""
    role = f"reader_{secrets.token_hex(4)}"
    owner = file_chain.source
    file_chain.execute(
        owner,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO {role}",
    )
    file_chain.policies = {"things": KEEP}
    yield file_chain, role
    file_chain.execute(owner, f"DROP OWNED BY {role}; DROP ROLE {role}")


def export(chain: Any, role: str) -> Any:
    """Export as the role."""
    return chain.run("export", "--run-key", "d", BATON_SOURCE_DSN=chain.source.replace("postgres@", f"{role}@"))


# statements, exit code, what the message says ({role} is the role)
REFUSED: dict[str, tuple[list[str], int, str]] = {
    "no grant": ([TABLE], 78, "role {role} may not read it; GRANT SELECT ON TABLE public.things TO {role}"),
    "a grant on a column": (
        [TABLE, "GRANT SELECT (id) ON things TO {role}"], 78, "grants on single columns do not suffice"),
    "row-level security": ([TABLE, *RLS], 78, "row-level security would hide some of its rows from role {role}"),
    "row-level security behind a view": (
        ["CREATE TABLE secret AS SELECT 1 AS id", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
         "CREATE VIEW things WITH (security_invoker) AS SELECT id FROM secret",
         "GRANT SELECT ON things, secret TO {role}"],
        78, "view public.things reads something of which its owner may not read all rows"),
    "a foreign table": (
        [*FOREIGN, "CREATE FOREIGN TABLE things (id int) SERVER elsewhere", "GRANT SELECT ON things TO {role}"],
        65, "includes the foreign table public.things"),
    "a foreign table behind views": (
        [*FOREIGN, "CREATE FOREIGN TABLE far (id int) SERVER elsewhere", "CREATE VIEW near AS SELECT * FROM far",
         "CREATE VIEW things AS SELECT * FROM near", "GRANT SELECT ON things TO {role}"],
        65, "includes the foreign table public.far"),
    "a foreign partition": (
        [*PARTS, *FOREIGN, "CREATE FOREIGN TABLE things_3 PARTITION OF things FOR VALUES FROM (20) TO (30)"
         " SERVER elsewhere", "GRANT SELECT ON things TO {role}"],
        65, "includes the foreign table public.things_3"),
    "a materialised view that was never filled": (
        ["CREATE MATERIALIZED VIEW things AS SELECT 1 AS id WITH NO DATA", "GRANT SELECT ON things TO {role}"],
        65, "REFRESH MATERIALIZED VIEW public.things"),
    "an empty materialised view behind a view": (
        ["CREATE MATERIALIZED VIEW base AS SELECT 1 AS id WITH NO DATA", "CREATE VIEW things AS SELECT id FROM base",
         "GRANT SELECT ON things TO {role}"],
        65, "REFRESH MATERIALIZED VIEW public.base"),
    "a sequence": (["CREATE SEQUENCE things", "GRANT SELECT ON things TO {role}"], 65, "public.things is no table"),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "code", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_whole_is_refused_by_name(
    reader: tuple[Any, str], statements: list[str], code: int, message: str
) -> None:
    """The error is permanent, says what is missing and what gives it; nothing was exported."""
    chain, role = reader
    chain.execute(chain.source, *(statement.format(role=role) for statement in statements))
    outcome = export(chain, role)
    assert (outcome.code, message.format(role=role) in outcome.error) == (code, True), outcome.stderr
    assert not Path(chain.environment["BATON_RAW_URI"].removeprefix("file://")).exists()


def test_a_schema_without_usage_is_named(reader: tuple[Any, str]) -> None:
    """The table's existence is known from the catalog, so it is not taken for a missing one."""
    chain, role = reader
    chain.execute(chain.source, "CREATE SCHEMA hidden", "CREATE TABLE hidden.things (id int)")
    chain.policies = {"things": KEEP | {"source": "hidden.things"}}
    outcome = export(chain, role)
    assert (outcome.code, f"GRANT USAGE ON SCHEMA hidden TO {role}" in outcome.error) == (78, True), outcome.stderr


# What PostgreSQL shows to who may read the whole table only.
WHOLE = {
    "a table": [TABLE, "GRANT SELECT ON things TO {role}"],
    "partitions without grants": [*PARTS, "GRANT SELECT ON things TO {role}"],
    "partitions in a schema without usage": [
        "CREATE SCHEMA {role}_chunks", *PARTS, "ALTER TABLE things_1 SET SCHEMA {role}_chunks",
        "GRANT SELECT ON things, {role}_chunks.things_1, things_2 TO {role}",
    ],
    "a partition with row-level security": [
        *PARTS, "ALTER TABLE things_1 ENABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON things, things_1, things_2 TO {role}",
    ],
    "an heir without grants": [
        "CREATE TABLE things (id int)", "CREATE TABLE heir () INHERITS (things)",
        "INSERT INTO things SELECT i FROM generate_series(1, 5) i",
        "INSERT INTO heir SELECT i FROM generate_series(6, 10) i", "GRANT SELECT ON things TO {role}",
    ],
    "an unlogged table": [TABLE.replace("TABLE", "UNLOGGED TABLE"), "GRANT SELECT ON things TO {role}"],
    "row-level security for who bypasses it": [TABLE, *RLS, "ALTER ROLE {role} BYPASSRLS"],
    "a view of a table without grants": [
        TABLE.replace("things", "base"), "CREATE VIEW things AS SELECT id FROM base",
        "GRANT SELECT ON things TO {role}",
    ],
}  # fmt: skip


@pytest.mark.parametrize("statements", WHOLE.values(), ids=WHOLE.keys())
def test_what_postgresql_shows_whole_is_read_whole(reader: tuple[Any, str], statements: list[str]) -> None:
    """A right on the whole table suffices, as it does for a query."""
    chain, role = reader
    chain.execute(chain.source, *(statement.format(role=role) for statement in statements))
    assert export(chain, role).result["rows"] == 10


def test_a_part_without_pages_is_read_and_counted(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed chunks and shells of distributed tables report no pages, but hold rows."""
    from baton_workloads.etl import source

    monkeypatch.setattr(
        source, "PARTS", source.PARTS.replace("THEN pg_relation_size(c.oid)", "THEN 0 * pg_relation_size(c.oid)")
    )
    assert people.run("export", "--run-key", "d").result["rows"] == 2501


def test_rows_that_no_range_holds_are_missed(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source's own count in the same snapshot is the last word."""
    from baton_workloads.etl import ranges

    monkeypatch.setattr(ranges, "RANGE_BYTES", 8192)
    monkeypatch.setattr(ranges.Range, "condition", lambda _: " WHERE ctid < '(0,11)'")
    outcome = people.run("export", "--run-key", "d")
    assert (outcome.code, "public.people has 501 rows" in outcome.error) == (65, True), outcome.stderr


def test_unlogged_tables_are_named_on_a_standby(file_chain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby has none of their rows; the catalog is asked, as PostgreSQL's own refusal has no name."""
    from baton_workloads.errors import DataError
    from baton_workloads.etl import read_privileges

    file_chain.execute(file_chain.source, "CREATE UNLOGGED TABLE things (id int)")
    with psycopg.connect(file_chain.source) as connection:
        connection.execute("CREATE FUNCTION pg_temp.yes() RETURNS bool RETURN true")
        monkeypatch.setattr(
            read_privileges, "BEHIND", read_privileges.BEHIND.replace("pg_is_in_recovery()", "pg_temp.yes()")
        )
        with pytest.raises(DataError, match="needs the unlogged table public"):
            read_privileges.check(connection, "public.things")
