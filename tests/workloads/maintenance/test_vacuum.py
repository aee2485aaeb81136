"""VACUUM of a real database, also of one in which somebody holds locks."""

import struct
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from tests.workloads.in_process import Outcome
from tests.workloads.maintenance.shops import Shop
from tests.workloads.postgres_server import Server
from tests.workloads.waiting import until

from baton_workloads.errors import ConfigurationError
from baton_workloads.maintenance.needs import Table
from baton_workloads.maintenance.vacuum import Done, State, _Run
from baton_workloads.maintenance.work import Clock, Limits

NO_AUTOVACUUM = "ALTER TABLE {} SET (autovacuum_enabled = off)"
QUICK = ("--lock-seconds", "0.5")


@pytest.fixture
def worn(shop: Shop) -> Shop:
    """A shop with dead rows in two tables."""
    for table in ("products", "sync_watermarks"):
        shop.execute(NO_AUTOVACUUM.format(table))
    shop.execute(
        "INSERT INTO products (sku, name, category, price, cost)"
        " SELECT i, 'n', 'c', 1, 1 FROM generate_series(1, 2000) i",
        "INSERT INTO sync_watermarks SELECT i, now() FROM generate_series(1, 500) i",
        "ANALYZE",
        "DELETE FROM products WHERE id % 2 = 0; SELECT pg_stat_force_next_flush()",
        "DELETE FROM sync_watermarks; SELECT pg_stat_force_next_flush()",
    )
    return shop


def dead(shop: Shop, table: str) -> int:
    """Count a table's dead rows as the statistics have them."""
    return int(shop.value(f"SELECT pg_stat_get_dead_tuples('{table}'::regclass)"))


def test_what_is_due_is_vacuumed_and_told(worn: Shop) -> None:
    """Both tables lose their dead rows; the report has before and after, and why."""
    result = worn.run("vacuum").result
    tables = {entry["table"]: entry for entry in result["tables"]}
    assert {"public.products", "public.sync_watermarks"} <= tables.keys()
    entry = tables["public.products"]
    assert (entry["before"]["dead"], entry["after"]["dead"], dead(worn, "products")) == (1000, 0, 0)
    assert entry["work"] == "vacuum, analyze"
    assert "1000 dead rows" in entry["why"][0]
    assert worn.run("vacuum").result["tables"] == []


def test_a_dry_run_changes_nothing(worn: Shop) -> None:
    """It names what is due."""
    outcome = worn.run("vacuum", "--dry-run")
    assert "public.products" in outcome.result["left"]
    assert dead(worn, "products") == 1000


@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"])
def test_a_locked_table_is_named_and_the_others_are_done(worn: Shop, mode: str) -> None:
    """Nothing hangs: exit 75 with the table, the pid and the application; no text of a query."""
    with psycopg.connect(worn.dsn, application_name="billing") as holder:
        holder.execute(f"LOCK TABLE products IN {mode} MODE".encode())
        outcome = worn.run("vacuum", *QUICK)
        assert outcome.code == 75
        assert (
            f"public.products is locked by pid {holder.info.backend_pid} (billing, idle in transaction)"
            in outcome.error
        )
        assert "LOCK TABLE" not in outcome.stderr
    assert (dead(worn, "products"), dead(worn, "sync_watermarks")) == (1000, 0)
    assert worn.run("vacuum", *QUICK).code == 0


def test_the_time_is_up(worn: Shop) -> None:
    """What is left is named, and is due the next time."""
    result = worn.run("vacuum", "--max-seconds", "0.000001").result
    assert (result["outcome"], result["tables"]) == ("out_of_time", [])
    assert "public.products" in result["left"]


def test_a_role_that_may_not_is_told_so(worn: Shop) -> None:
    """The server only warns and skips the table; that is no success."""
    worn.more["BATON_SHOP_MAINTAINER_DSN"] = worn.as_role("shop_worker")
    outcome = worn.run("vacuum")
    assert (outcome.code, "pg_maintain" in outcome.error) == (78, True)


def test_dead_rows_of_a_toast_table_make_it_due(shop: Shop) -> None:
    """Its wide values are dead there, and hardly a row of its own is."""
    shop.execute(
        "CREATE TABLE wide (id int PRIMARY KEY, doc text) WITH (autovacuum_enabled = off)",
        "ALTER TABLE wide ALTER doc SET STORAGE EXTERNAL",
        "INSERT INTO wide SELECT i, repeat('x', 40000) FROM generate_series(1, 20) i",
        "VACUUM ANALYZE wide",
        "UPDATE wide SET doc = repeat('y', 40000) WHERE id < 9; SELECT pg_stat_force_next_flush()",
    )
    outcome = shop.run("vacuum")
    [entry] = [entry for entry in outcome.result["tables"] if entry["table"] == "public.wide"]
    assert any("dead chunks in its TOAST table" in why for why in entry["why"])
    assert (entry["before"]["dead"] > 100, entry["after"]["dead"]) == (True, 0)
    assert "notes" not in entry


@pytest.fixture
def real(own_server: Server) -> Shop:
    """A table full of dead rows on a server of the test's own, which has standbys and two-phase commits."""
    with psycopg.connect(own_server.dsn("postgres"), autocommit=True) as connection:
        for statement in (
            "ALTER SYSTEM SET max_prepared_transactions = 5",
            "ALTER SYSTEM SET autovacuum_freeze_max_age = 100000",
            "ALTER SYSTEM SET autovacuum = off",
            "CREATE ROLE shop_maintainer LOGIN", "GRANT pg_maintain, pg_monitor TO shop_maintainer",
        ):  # fmt: skip
            connection.execute(statement)
    own_server.stop()
    own_server.start()
    shop = Shop(own_server.database())
    shop.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off)",
        "CREATE TABLE other (id int)",
        "INSERT INTO t SELECT i, 0 FROM generate_series(1, 5000) i",
        "VACUUM ANALYZE t",
    )
    return shop


def test_whom_dead_rows_are_kept_for_is_said(real: Shop) -> None:
    """A session, a prepared transaction, a slot: each by its name; a table of which rows are left counts as done."""
    kill = "UPDATE t SET v = v + 1; SELECT pg_stat_force_next_flush()"
    with psycopg.connect(real.dsn, application_name="billing") as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT 1 FROM other")
        real.execute(kill)
        pid = holder.info.backend_pid
        entry = of_t(real)
        assert f"pid {pid} (billing, idle in transaction)" in entry["notes"][0]
        real.execute("REVOKE pg_monitor FROM shop_maintainer")
        assert "may not see (GRANT pg_monitor TO shop_maintainer)" in of_t(real)["notes"][0]
        real.execute("GRANT pg_monitor TO shop_maintainer")
    assert "notes" not in of_t(real)

    with psycopg.connect(real.dsn) as other:
        other.execute("INSERT INTO other VALUES (1)")
        other.execute("PREPARE TRANSACTION 'it''s stuck'")
    real.execute(kill)
    entry = of_t(real)
    assert "a prepared transaction of postgres since" in entry["notes"][0]
    assert "ROLLBACK PREPARED 'it''s stuck'" in entry["notes"][0]
    real.execute("ROLLBACK PREPARED 'it''s stuck'", "VACUUM t")

    real.execute("SELECT pg_create_physical_replication_slot('old_standby', true)")
    look_as_a_standby(real, "old_standby")
    real.execute(kill)
    entry = of_t(real)
    assert "replication slot old_standby (unused" in entry["notes"][0]


def of_t(shop: Shop, outcome: Outcome | None = None) -> dict[str, Any]:
    """Give what a vacuum says of the table ``t``."""
    tables = (outcome or shop.run("vacuum")).result["tables"]
    return next(entry for entry in tables if entry["table"] == "public.t")


def look_as_a_standby(shop: Shop, slot: str) -> None:
    """Say once what a standby with hot_standby_feedback says: which is the oldest transaction that it looks at.

    Source: PostgreSQL, "Streaming Replication Protocol"
    """
    lsn = shop.value("SELECT pg_current_wal_flush_lsn()::text")
    oldest = int(shop.value("SELECT pg_current_xact_id()::text"))
    walsender = psycopg.pq.PGconn.connect(f"{shop.dsn}?replication=true".encode())
    try:
        walsender.exec_(f"START_REPLICATION SLOT {slot} PHYSICAL {lsn}".encode())
        walsender.put_copy_data(b"h" + struct.pack(">qIIII", 0, oldest, 0, 0, 0))
        walsender.flush()
        until(lambda: bool(shop.value("SELECT xmin IS NOT NULL FROM pg_replication_slots")))
    finally:
        walsender.finish()
    until(lambda: not shop.value("SELECT active FROM pg_replication_slots"))


def test_a_warning_of_old_transactions_is_no_missing_right(real: Shop) -> None:
    """The table is done as far as it goes; the warning names who holds the oldest transaction."""
    with psycopg.connect(real.dsn, application_name="billing") as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT 1 FROM other")
        real.execute(
            "UPDATE t SET v = v + 1 WHERE id < 2000",
            "DO $$ BEGIN FOR i IN 1..100100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
        )
        outcome = real.run("vacuum")
        entry = of_t(real, outcome)
        pid = holder.info.backend_pid
        assert [f"pid {pid} (billing, idle in transaction)" in note for note in entry["notes"]] == [True]
        assert f"WARNING: public.t: its dead rows are kept for pid {pid}" in outcome.stderr


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "GetNewTransactionId",
            ["runs out of transaction numbers"],
        ),  # as seen with 15, 17 and 18
        ("SetTransactionIdLimit", ["runs out of transaction numbers"]),
        ("lazy_check_wraparound_failsafe", ["runs out of transaction numbers"]),
        ("exec_stmt_raise", ["warned of something else"]),
        (None, []),
    ],
)
def test_warnings_are_told_apart_by_the_functions_that_give_them(function: str | None, words: list[str]) -> None:
    """Not by their texts, which are in the server's language; none of these is a missing right."""
    run = _Run(SimpleNamespace(closed=False), Clock(0), Limits())  # type: ignore[arg-type]
    entry = Done("public.t", (), "vacuum", State(1, 10, 1), State(1, 0, 1))
    notes = run._notes(entry, {function} if function else set())
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_a_server_without_transaction_numbers_is_not_asked_again() -> None:
    """It writes nothing until somebody vacuums all of it."""
    run = _Run(SimpleNamespace(closed=False), Clock(0), Limits())  # type: ignore[arg-type]
    table = Table(1, "public", "t", 1, 0, 0, 0, never_analysed=False, xid_age=1, mxid_age=1)
    assert "has run out of transaction numbers" in run._failed(table, psycopg.errors.ProgramLimitExceeded(), 0)
    with pytest.raises(ConfigurationError):
        run.failures.raise_at_the_end("vacuum")


@pytest.mark.parametrize(
    ("limit", "seconds", "words"),
    [
        (1, 1.01, "longer than --statement-seconds"),
        (1, 0.4, "somebody cancelled it"),
        (0, 9e9, "somebody cancelled it"),
    ],
)
def test_who_cancelled_a_statement_is_told_apart(limit: float, seconds: float, words: str) -> None:
    """The server has one code for its own limit and for an administrator."""
    assert words in Limits(statement_seconds=limit).said_of_a_cancelled(seconds)
