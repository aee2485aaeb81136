"""What the next backup or its drill would lack is said before the night, all of it at once and by name."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from tests.workloads.backups import Backups
from tests.workloads.postgres_server import Server


@contextmanager
def role(server: Server, options: str) -> Iterator[str]:
    """Make a role and drop it with all that it has."""
    name = f"r{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN {options}".encode())
        yield name
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_a_source_and_a_drill_that_fit_pass(backups: Backups) -> None:
    """With an extension that any owner of a database may make; nothing is left on the drill's server."""
    backups.execute("CREATE EXTENSION hstore", "CREATE EXTENSION pageinspect")
    result = backups.run("check").result
    assert result["databases"]["shop"]["extensions"] == ["hstore", "pageinspect"]
    assert backups.query("SELECT count(*) FROM pg_database WHERE datname LIKE 'baton_drill_check%'") == [(0,)]


OWN = (
    "CREATE EXTENSION hstore", "CREATE TYPE span AS RANGE (subtype = int)",
    "CREATE DOMAIN positive AS int CHECK (value > 0)",
    "CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int)", "CREATE PUBLICATION of_people FOR TABLE people",
    "CREATE TEXT SEARCH CONFIGURATION words (copy = simple)", "CREATE STATISTICS of_both ON id, name FROM people",
    "CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq)", "SELECT lo_from_bytea(0, 'x')",
    "CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1'", "CREATE MATERIALIZED VIEW kept AS SELECT 1 AS a",
)  # fmt: skip


def test_what_the_check_lets_pass_the_drill_restores(backups: Backups, server: Server) -> None:
    """As a role that may make databases and nothing else; what any owner may make is no reason to complain."""
    backups.execute(*OWN)
    with role(server, "CREATEDB") as name:
        scratch = backups.environment["BATON_SCRATCH_DSN"].replace("//postgres@", f"//{name}@")
        assert backups.run("check", BATON_SCRATCH_DSN=scratch).code == 0
        outcome = backups.run("drill", backups.sealed(), BATON_SCRATCH_DSN=scratch)
        assert outcome.code == 0, outcome.stderr


# What the source has, options of the drill's role, and what the message says ({role} is the drill's).
DRILLS = {
    "no right to make databases": ([], "", "role {role} may make no database on the drill's server; ALTER ROLE"),
    "an extension that it may not make": (
        ["CREATE EXTENSION hstore", "CREATE EXTENSION pageinspect"], "CREATEDB",
        "shop uses pageinspect, which the drill's server lacks or its role {role} may not make"),
    "what only a superuser makes": (
        ["CREATE FOREIGN DATA WRAPPER far", "CREATE PUBLICATION everything FOR ALL TABLES",
         "CREATE FUNCTION c(int4) RETURNS int4 LANGUAGE internal AS 'int4abs'"], "CREATEDB",
        "shop has foreign data wrapper far, function public.c(integer) (language internal), publication everything"),
    "a collation": (
        ["SET allow_system_table_mods = on; CREATE COLLATION pg_catalog.\"xx_YY\" FROM \"C\"",
         "CREATE TABLE sorted (t text COLLATE \"xx_YY\")"], "CREATEDB",
        "shop sorts by xx_YY, which the drill's server lacks"),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "options", "words"), DRILLS.values(), ids=DRILLS)
def test_what_the_drill_lacks_is_said(
    backups: Backups, server: Server, statements: list[str], options: str, words: str
) -> None:
    """For good, before anything is dumped."""
    backups.execute(*statements)
    with role(server, options) as name:
        scratch = backups.environment["BATON_SCRATCH_DSN"].replace("//postgres@", f"//{name}@")
        outcome = backups.run("check", BATON_SCRATCH_DSN=scratch)
    assert (outcome.code, words.format(role=name) in outcome.error) == (78, True), outcome.stderr


# Statements on the source, and what dump and check say of a role that may read nothing but what they give.
SOURCES = {
    "no right": ([], 'may not read public."odd name", public.empty, '),
    "row-level security": (
        ["GRANT pg_read_all_data TO {role}", "ALTER TABLE visits ENABLE ROW LEVEL SECURITY"],
        "row-level security would hide rows of public.visits from role {role}; ALTER ROLE {role} BYPASSRLS"),
    "large objects": (
        ["GRANT pg_read_all_data TO {role}", "SELECT lo_from_bytea(4711, 'x'), lo_from_bytea(4712, 'x')",
         "GRANT SELECT ON LARGE OBJECT 4712 TO {role}"],
        "role {role} may not read 1 large objects (4711); GRANT SELECT ON LARGE OBJECT 4711 TO {role}"),
    "no schema": (
        ["CREATE SCHEMA hidden", "CREATE TABLE hidden.t (id int)",
         "GRANT SELECT ON ALL TABLES IN SCHEMA public, hidden TO {role}",
         "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}"],
        "role {role} may not read hidden.t; GRANT pg_read_all_data TO {role}"),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "words"), SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("command", [("check",), ("dump", "--run-key", "d")], ids=lambda words: words[0])
def test_what_a_role_may_not_dump_is_named(
    backups: Backups, server: Server, command: tuple[str, ...], statements: list[str], words: str
) -> None:
    """PostgreSQL's own refusal names no table, or one of many."""
    with role(server, "") as name:
        backups.execute(*(statement.format(role=name) for statement in statements))
        source = backups.source.replace("//postgres@", f"//{name}@")
        outcome = backups.run(*command, BATON_SHOP_BACKUP_DSN=source)
        assert (outcome.code, words.format(role=name) in outcome.error) == (78, True), outcome.stderr
        backups.execute(f"DROP OWNED BY {name}")
    assert not backups.root.exists()


def test_everything_that_is_wrong_is_said_at_once(backups: Backups) -> None:
    """A source and the drill's server; where one of it is for good, trying again does not help."""
    changes = {"BATON_SHOP_BACKUP_DSN": f"{backups.source}_gone", "BATON_SCRATCH_DSN": "postgresql://x@127.0.0.1:1/x"}
    outcome = backups.run("check", **changes)
    assert (outcome.code, "does not exist" in outcome.error, "is it up?" in outcome.error) == (78, True, True)
    assert backups.run("check", BATON_SCRATCH_DSN=changes["BATON_SCRATCH_DSN"]).code == 75
