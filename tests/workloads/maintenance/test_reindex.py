"""REINDEX CONCURRENTLY of a real database, also beside transactions that it would wait for."""

import psycopg
import pytest
from tests.workloads.maintenance.shops import Shop
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
