"""The demo schema is made deterministically, once, whatever is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from baton_local import shop
from baton_local.errors import StackError
from baton_local.postgres import Postgres

SMALL = 0.0002
Fingerprints = Callable[[str], dict[str, str]]
RowCounts = Callable[[str], dict[str, int]]
INCLUDE = Path(shop.__file__).parent.parent


def test_two_builds_have_equal_rows_whatever_the_session_settings(
    database: str, module_database: str, fingerprints: Fingerprints
) -> None:
    """Time zone, memory and date style of the database change no value."""
    with psycopg.connect(database, autocommit=True) as connection:
        for setting in ("TimeZone = 'Asia/Kolkata'", "work_mem = '64kB'", "DateStyle = 'German'", "jit = on"):
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {setting}".encode())
    assert shop.make(database, 0.001)
    assert shop.make(module_database, SMALL)
    assert shop.make(module_database, 0.001)
    assert fingerprints(database) == fingerprints(module_database)


def test_the_reference_day_moves_the_data_with_it(database: str) -> None:
    """Another reference day makes other moments, none after it."""
    shop.make(database, SMALL, reference=date(2024, 3, 1))
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT max(placed_at) < '2024-03-01Z', max(placed_at) > '2024-02-27Z' FROM orders")
        assert row.fetchone() == (True, True)
        night = "SELECT count(*) FROM orders WHERE placed_at BETWEEN '2023-10-29 00:00Z' AND '2023-10-29 03:00Z'"
        assert connection.execute(night).fetchone() != (0,)


def test_without_a_scale_the_one_that_is_there_stays(database: str, row_counts: RowCounts) -> None:
    """Starting the stack again does not throw away a large build for the default one."""
    shop.make(database, 0.001)

    assert shop.make(database) is False
    assert row_counts(database)["customers"] == 2_000


@pytest.mark.parametrize("scale", [0.001, 0.004])
def test_rows_grow_with_the_scale(database: str, scale: float, row_counts: RowCounts) -> None:
    """The large tables follow the scale; the small ones have a floor."""
    shop.make(database, scale)
    counts = row_counts(database)
    assert counts["customers"] == 2_000_000 * scale
    assert counts["orders"] == 6_000_000 * scale
    assert counts["order_items"] == pytest.approx(9_000_000 * scale, rel=0.05)
    assert counts["payments"] == pytest.approx(6_400_000 * scale, rel=0.05)
    assert counts["ledger_entries"] == pytest.approx(12_400_000 * scale, rel=0.05)
    assert counts["products"] == 500


def test_the_default_is_a_short_demo(database: str, row_counts: RowCounts) -> None:
    """About 200,000 rows in all tables together."""
    shop.make(database)
    assert 180_000 < sum(row_counts(database).values()) < 220_000


def test_the_same_build_is_reused_and_anew_brings_it_back(
    database: str, fingerprints: Fingerprints, row_counts: RowCounts
) -> None:
    """What DAGs changed stays until somebody asks for the data anew."""
    assert shop.make(database, SMALL)
    before = fingerprints(database)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM sessions")
    assert not shop.make(database, SMALL)
    assert row_counts(database)["sessions"] == 0
    assert shop.make(database, SMALL, anew=True)
    assert fingerprints(database) == before


def test_two_makers_at_once_make_it_once(database: str) -> None:
    """The second waits for the first and finds its build."""
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _: shop.make(database, SMALL), range(2))) == [False, True]


def test_rows_that_others_add_are_numbered_after_the_seed(database: str) -> None:
    """Identity columns go on where the seed ended."""
    shop.make(database, SMALL)
    insert = (
        "INSERT INTO signature_reminders (workflow_id, reminder_on, recipient) VALUES (1, '1999-01-01', 'a') "
        "RETURNING id > (SELECT max(id) FROM signature_reminders)"
    )
    with psycopg.connect(database) as connection:
        assert connection.execute(insert).fetchone() == (True,)


@retry(retry=retry_if_result(bool), stop=stop_after_delay(20), wait=wait_fixed(0.2))
def _await_no_maker(dsn: str) -> list[tuple[str]]:
    query = "SELECT state FROM pg_stat_activity WHERE application_name = 'baton shop' AND pid <> pg_backend_pid()"
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def _start_maker(dsn: str, until: str) -> subprocess.Popen[str]:
    """A maker in a process of its own, returned when it has come to a step."""
    process = subprocess.Popen(
        [sys.executable, "-m", "baton_local.shop", "--scale", "0.02", "--anew"],
        env={**os.environ, "SHOP_DSN": dsn, "PYTHONPATH": str(INCLUDE)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if until in line:
            return process
    raise AssertionError(f"the maker ended before {until}")


@pytest.mark.parametrize("step", ["drop", "seed/30_people", "seed/50_money", "keys"])
def test_a_killed_maker_leaves_the_old_build_and_can_be_run_again(
    database: str, step: str, fingerprints: Fingerprints
) -> None:
    """Nothing of the half-made build is seen, and the server does not go on with it."""
    shop.make(database, SMALL)
    before = fingerprints(database)
    with _start_maker(database, step) as process:
        process.kill()
    _await_no_maker(database)
    assert fingerprints(database) == before
    assert shop.make(database, 0.0003)


def test_a_killed_server_leaves_the_old_build(
    stopped_postgres: Postgres,
    run_postgres: Callable[[Postgres], AbstractContextManager[subprocess.Popen[bytes]]],
    fingerprints: Fingerprints,
) -> None:
    """After a crash in the middle of a fill the earlier build is whole."""
    server = stopped_postgres
    with run_postgres(server) as process:
        server.make_database("shop", "postgres", server.password)
        shop.make(server.dsn("shop"), SMALL)
        before = fingerprints(server.dsn("shop"))
        with psycopg.connect(server.dsn("shop")) as connection:
            connection.execute("CHECKPOINT")
        with _start_maker(server.dsn("shop"), "seed/50_money") as maker:
            process.send_signal(signal.SIGKILL)
            assert maker.wait(timeout=30) == 1
    with run_postgres(server):
        assert fingerprints(server.dsn("shop")) == before


def test_a_database_with_other_tables_is_refused_by_name(database: str) -> None:
    """Nothing that is not the demo's is ever dropped."""
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE customers (precious text)")
    with pytest.raises(StackError, match="not the demo's \\(customers"):
        shop.make(database, SMALL)


def test_tables_beside_the_demo_survive_a_new_build(database: str, row_counts: RowCounts) -> None:
    """A user's table in the same database stays."""
    shop.make(database, SMALL)
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS a")
    shop.make(database, SMALL, anew=True)
    assert row_counts(database)["mine"] == 1


def test_dropping_leaves_no_table_and_no_type(database: str) -> None:
    """drop.sql names all that schema.sql makes."""
    shop.make(database, SMALL)
    left = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"
    )
    with psycopg.connect(database) as connection:
        connection.execute((shop.SQL_FOLDER / "drop.sql").read_bytes())
        assert connection.execute(left).fetchall() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--scale", "0"], "scale must be above 0"), (["--reference", "soon"], "no ISO date"), ([], "no connection")],
)
def test_the_command_line_says_what_is_wrong(arguments: list[str], message: str) -> None:
    """One error line, no traceback, no password."""
    dsn = "postgresql://postgres:s3cret@127.0.0.1:1/none"
    command = [sys.executable, "-m", "baton_local.shop", "--dsn", dsn, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(INCLUDE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
