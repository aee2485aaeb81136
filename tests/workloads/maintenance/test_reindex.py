"""REINDEX CONCURRENTLY of a real database, also beside transactions that it would wait for."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from tests.workloads.maintenance.shops import Shop
from tests.workloads.postgres_server import Server
from tests.workloads.waiting import until

REINDEX = ("reindex", "--least-megabytes", "0.1", "--lock-seconds", "0.5", "--old-seconds", "0")
SIZE = "SELECT pg_relation_size('sync_watermarks_pkey'::regclass)"
WAITING = "SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'"


@pytest.fixture
def bloated(shop: Shop) -> Shop:
    """A shop with an index of 20,000 entries of which a hundredth is left."""
    shop.execute(
        "ALTER TABLE sync_watermarks SET (autovacuum_enabled = off)",
        "INSERT INTO sync_watermarks SELECT 'source number ' || i, now() FROM generate_series(1, 20000) i",
        "DELETE FROM sync_watermarks WHERE right(source, 2) <> '00'",
        "VACUUM ANALYZE sync_watermarks",
    )
    return shop


def test_an_index_that_is_mostly_air_is_rebuilt(bloated: Shop) -> None:
    """One is worth it; the report has both sizes, and the next run finds nothing."""
    result = bloated.run(*REINDEX).result
    [entry] = result["indexes"]
    assert (entry["index"], entry["bloat"] > 0.9) == ("public.sync_watermarks_pkey", True)
    assert entry["size_after_bytes"] == bloated.value(SIZE) < entry["size_before_bytes"] / 10
    bloated.execute("VACUUM ANALYZE sync_watermarks")
    assert bloated.run(*REINDEX).result["indexes"] == []


def test_where_pgstattuple_is_installed_the_air_is_measured(bloated: Shop) -> None:
    """Also while the statistics know nothing; a rebuilt index has none, in whatever schema the extension is."""
    bloated.execute(
        "CREATE SCHEMA tools",
        "CREATE EXTENSION pgstattuple SCHEMA tools",
        "DELETE FROM pg_statistic WHERE starelid = 'sync_watermarks'::regclass",
    )
    assert bloated.run("reindex", "--least-megabytes", "0", "--least-bloat", "90", "--dry-run").result["left"] == [
        "public.sync_watermarks_pkey"
    ]
    assert bloated.run(*REINDEX).result["indexes"][0]["bloat"] > 0.9
    assert bloated.run(*REINDEX[:2], "0", "--least-bloat", "90").result["indexes"] == []


def test_a_dry_run_names_it(bloated: Shop) -> None:
    """And changes nothing."""
    before = bloated.value(SIZE)
    assert bloated.run(*REINDEX, "--dry-run").result["left"] == ["public.sync_watermarks_pkey"]
    assert bloated.value(SIZE) == before


@pytest.mark.parametrize(
    "statement",
    [
        "LOCK TABLE sync_watermarks IN ACCESS EXCLUSIVE MODE",
        "UPDATE sync_watermarks SET updated_at = now()",
        "SELECT count(*) FROM users",
    ],
)
def test_it_is_not_begun_beside_what_it_would_wait_for(bloated: Shop, statement: str) -> None:
    """Exit 75 names who is in the way, nothing hangs, no invalid index is left; afterwards it works."""
    with psycopg.connect(bloated.dsn, application_name="billing") as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute(statement.encode())
        outcome = bloated.run(*REINDEX)
        assert outcome.code == 75
        assert f"pid {holder.info.backend_pid} (billing, idle in transaction)" in outcome.error
    assert bloated.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    assert bloated.run(*REINDEX).result["outcome"] == "done"


def test_the_index_that_a_kill_leaves_is_found_and_its_owner_told_what_to_run(bloated: Shop) -> None:
    """The index that was to be rebuilt serves on; this role may not drop the leftover."""
    with psycopg.connect(bloated.dsn) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT count(*) FROM users")
        process = bloated.spawn(*REINDEX[:-1], "60")
        until(lambda: bloated.value(WAITING) == 1)
        process.kill()
        process.communicate()
        until(lambda: bloated.value("SELECT count(*) FROM pg_stat_progress_create_index") == 0)
    outcome = bloated.run(*REINDEX)
    remedy = 'DROP INDEX CONCURRENTLY "public"."sync_watermarks_pkey_ccnew";'
    assert (outcome.code, outcome.error.endswith(f"let postgres run: {remedy}")) == (78, True)
    bloated.execute(remedy)
    bloated.execute("VACUUM ANALYZE sync_watermarks")
    assert bloated.run(*REINDEX).result["outcome"] == "done"


def test_giving_up_half_way_says_for_whom_it_waited(bloated: Shop) -> None:
    """Its patience is a limit too; what it leaves is named at once."""
    with psycopg.connect(bloated.dsn, application_name="billing") as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT count(*) FROM users")
        outcome = bloated.run(*REINDEX[:-1], "60", "--patience-seconds", "0.5")
        assert outcome.code == 78
        assert "was begun and had to wait too long" in outcome.error
        assert "sync_watermarks_pkey_ccnew" in outcome.error


INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"


def test_an_index_beside_a_leftover_is_not_begun_again(bloated: Shop) -> None:
    """However often it is tried: each failed build would leave one more."""
    with psycopg.connect(bloated.dsn) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT count(*) FROM users")
        for _ in range(3):
            outcome = bloated.run(*REINDEX[:-1], "60", "--patience-seconds", "0.5")
            assert (outcome.code, bloated.value(INVALID)) == (78, 1)
    outcome = bloated.run(*REINDEX)
    assert (outcome.code, bloated.value(INVALID)) == (78, 1)
    assert "left alone" not in outcome.error
    assert "DROP INDEX CONCURRENTLY" in outcome.error


def test_no_limit_of_ours_ends_a_build(bloated: Shop) -> None:
    """A statement's limit would leave an invalid index each time that it is tried."""
    bloated.execute(
        "CREATE FUNCTION slow(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.005); RETURN $1; END $$",
        "CREATE TABLE slowly (t text); INSERT INTO slowly SELECT i FROM generate_series(1, 100) i",
        "CREATE INDEX slow_index ON slowly (slow(t)); ANALYZE slowly",
    )
    words = ("--least-megabytes", "0", "--least-bloat", "0", "--statement-seconds", "0.2", "--old-seconds", "0")
    outcome = bloated.run("reindex", *words)
    done = [entry["index"] for entry in outcome.result["indexes"] if "error" not in entry]
    assert ("public.slow_index" in done, bloated.value(INVALID)) == (True, 0)


@contextmanager
def as_role(shop: Shop, *grants: str) -> Iterator[str]:
    """Run as a role with other rights than usual; gives its name."""
    role = f"r{secrets.token_hex(4)}"
    shop.execute(f"CREATE ROLE {role} LOGIN", *(f"GRANT {grant} TO {role}" for grant in grants))
    shop.more["BATON_SHOP_MAINTAINER_DSN"] = shop.as_role(role)
    yield role
    shop.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


# Rights, statements, exit code and words: what hides the statistics of an index is not taken for an index without air.
RIGHTS = {
    "no right to read": (["pg_maintain", "pg_monitor"], [], 78, "may not read the statistics of 1 indexes"),
    "row-level security": (
        ["pg_maintain", "pg_monitor", "pg_read_all_data"],
        ["ALTER TABLE sync_watermarks ENABLE ROW LEVEL SECURITY"], 78, "row-level security"),
    "a right on the column": (
        ["pg_maintain", "pg_monitor", "SELECT (source) ON sync_watermarks"], [], 0, ""),
    "pgstattuple": (["pg_maintain", "pg_monitor"], ["CREATE EXTENSION pgstattuple"], 0, ""),
    "no sight of sessions": (["pg_maintain", "pg_read_all_data"], [], 78, "GRANT pg_monitor TO"),
}  # fmt: skip


@pytest.mark.parametrize(("grants", "statements", "code", "words"), RIGHTS.values(), ids=RIGHTS)
def test_what_a_role_may_not_see_is_said(
    bloated: Shop, grants: list[str], statements: list[str], code: int, words: str
) -> None:
    """Its message has the right that is missing; with that right the index is found."""
    bloated.execute(*statements)
    with as_role(bloated, *grants):
        outcome = bloated.run(*REINDEX, "--dry-run")
        assert (outcome.code, words in outcome.stderr) == (code, True), outcome.stderr
        if code == 0:
            assert outcome.result["left"] == ["public.sync_watermarks_pkey"]


def test_an_index_without_statistics_is_said_to_be_unknown(bloated: Shop) -> None:
    """It is no failure: the next analyze brings them."""
    bloated.execute("DELETE FROM pg_statistic WHERE starelid = 'sync_watermarks'::regclass")
    outcome = bloated.run(*REINDEX)
    assert (outcome.code, "have no statistics yet (public.sync_watermarks_pkey)" in outcome.stderr) == (0, True)


def test_a_prepared_transaction_is_in_the_way(own_server: Server) -> None:
    """It is no session and does not end by itself, so it is named before anything is begun."""
    with psycopg.connect(own_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
    own_server.stop()
    own_server.start()
    dsn = own_server.database()
    shop = Shop(dsn, {"BATON_SHOP_MAINTAINER_DSN": dsn})
    shop.execute("CREATE TABLE t AS SELECT 1 AS id; CREATE INDEX t_id ON t (id); ANALYZE t")
    with psycopg.connect(shop.dsn) as other:
        other.execute("UPDATE t SET id = 2")
        other.execute("PREPARE TRANSACTION 'stuck'")
    words = ("reindex", "--least-megabytes", "0", "--least-bloat", "0", "--lock-seconds", "0.5")
    outcome = shop.run(*words)
    assert (outcome.code, "ROLLBACK PREPARED 'stuck'" in outcome.error) == (75, True), outcome.stderr
    assert shop.value(INVALID) == 0
    shop.execute("ROLLBACK PREPARED 'stuck'")
    assert shop.run(*words).result["outcome"] == "done"


def test_leftovers_of_a_toast_index_are_found_and_can_be_dropped(shop: Shop) -> None:
    """A rebuild of a whole table, by whomever, leaves one there, too; nobody but its owner may drop it."""
    shop.execute("CREATE TABLE wide (id int PRIMARY KEY, doc text)", "INSERT INTO wide VALUES (1, 'x')")
    with psycopg.connect(shop.dsn) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT count(*) FROM users")
        with psycopg.connect(shop.dsn, autocommit=True) as impatient:
            impatient.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                impatient.execute("REINDEX TABLE CONCURRENTLY wide")
    outcome = shop.run(*REINDEX)
    remedies = [part.split("let postgres run: ")[1] for part in outcome.error.split(" | ")]
    assert (outcome.code, len(remedies), shop.value(INVALID)) == (78, 2, 2)
    shop.execute(*remedies)
    assert shop.value(INVALID) == 0
