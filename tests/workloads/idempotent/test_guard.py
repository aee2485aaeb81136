"""The guard and the ledger by themselves, as another job would use them."""

import re
import subprocess
import sys
import threading
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.workloads.chain import INCLUDE
from tests.workloads.postgres_server import Server

from baton_workloads.__main__ import main
from baton_workloads.errors import ConfigurationError, TransientError
from baton_workloads.idempotent.guard import guard
from baton_workloads.idempotent.items import Items
from baton_workloads.idempotent.moment import DAY

NOON = "2026-11-22"


@pytest.fixture
def dsn(server: Server) -> str:
    """A database with one table to work on."""
    dsn = server.database()
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE public.bookings (day date)")
    return dsn


def book(dsn: str, as_of: str = NOON, *, fail: bool = False, again: bool = False) -> str:
    """Book a day, as a job that only changes the database does; gives the outcome."""
    with guard(dsn, "book", every=DAY, as_of=as_of, again=again) as run:
        if run.acquired:
            with run.connection.transaction():
                run.connection.execute("INSERT INTO public.bookings VALUES (%s)", (run.moment.today,))
                run.done(rows=1)
                if fail:
                    raise TransientError("the plug was pulled")
        return str(run.report()["outcome"])


def bookings(dsn: str) -> int:
    """Count the rows."""
    with psycopg.connect(dsn) as connection:
        return len(connection.execute("SELECT FROM bookings").fetchall())


def test_work_and_its_record_are_one(dsn: str) -> None:
    """Failed work leaves neither; the next start does it, the one after that says so, a new window works again."""
    with pytest.raises(TransientError):
        book(dsn, fail=True)
    assert bookings(dsn) == 0
    assert [book(dsn), book(dsn), book(dsn, again=True), book(dsn, "2026-11-23")] == [
        "done", "already_done", "done", "done",
    ]  # fmt: skip
    assert bookings(dsn) == 3


def test_many_starts_at_once_work_once(dsn: str) -> None:
    """Whoever waits for a holder that just ends finds the window done."""
    outcomes: Counter[str] = Counter()
    starts = [threading.Thread(target=lambda: outcomes.update([book(dsn)])) for _ in range(8)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert (outcomes["done"], outcomes["done"] + outcomes["already_done"] + outcomes["busy"], bookings(dsn)) == (
        1,
        8,
        1,
    )


HOLD = """
import sys, time
from datetime import timedelta
from baton_workloads.idempotent.guard import guard
with guard(sys.argv[1], "book", every=timedelta(days=1), as_of="2026-11-22") as run:
    print(run.verdict, flush=True)
    time.sleep(600)
"""


def test_a_killed_holder_is_taken_over_at_once(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    """While it lives others are busy, whatever their window; no lease has to run out after its end."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, dsn], env={"PYTHONPATH": str(INCLUDE)}, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "acquired\n"
    assert book(dsn, "2026-11-23") == "busy"
    holder.kill()
    holder.communicate()
    assert book(dsn) == "done"
    assert f"/{holder.pid} began this window" in capsys.readouterr().err


def book_and_lose(dsn: str) -> None:
    """Lose the connection in the middle of the work."""
    with guard(dsn, "book", every=DAY, as_of=NOON) as run, run.connection.transaction():
        run.connection.execute("INSERT INTO public.bookings VALUES (%s)", (run.moment.today,))
        with psycopg.connect(dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (run.connection.info.backend_pid,))
        run.done(rows=1)


def test_whoever_lost_the_lock_commits_nothing(dsn: str) -> None:
    """The work's connection is the lock's: when a server ends one it ends both."""
    with pytest.raises(TransientError):
        book_and_lose(dsn)
    assert (bookings(dsn), book(dsn), bookings(dsn)) == (0, "done", 1)


def test_an_item_is_claimed_once(dsn: str) -> None:
    """Also by many who go on without the guard."""
    with guard(dsn, "call", every=timedelta(hours=1)):
        pass  # makes the ledger
    claimed: Counter[str] = Counter()

    def claim() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            items = Items(connection, "call")
            claimed.update(str(n) for n in range(40) if items.claim(str(n)))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claimed == {str(n): 1 for n in range(40)}


def test_what_was_claimed_is_interrupted_until_it_is_completed_or_released(dsn: str) -> None:
    """Released ones may be claimed again, completed and dismissed ones never, pending ones once."""
    with guard(dsn, "call", every=DAY) as run:
        items = Items(run.connection, "call")
        items.enqueue("pending")
        items.dismiss("needless", "skipped")
        names = ["sent", "released", "lost", "pending", "needless"]
        assert [items.claim(name, f"<{name}>") for name in names] == [True, True, True, True, False]
        items.complete("sent", "sent")
        items.release("released")
        assert [(found.item, found.reference) for found in items.interrupted()] == [
            ("lost", "<lost>"), ("pending", "<pending>"),
        ]  # fmt: skip
        assert [items.claim(name) for name in names] == [False, True, False, False, False]


def test_a_role_that_may_not_make_the_ledger_is_told_how(server: Server, dsn: str) -> None:
    """The owner makes it once and lets the role use it; then the job runs."""
    role = dsn.rsplit("/", 1)[1] + "_worker"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN; GRANT ALL ON bookings TO {role}".encode())
    worker = dsn.replace("postgres@", f"{role}@")
    with pytest.raises(ConfigurationError, match="python -m baton_workloads idempotent prepare"):
        book(worker)
    assert main(["idempotent", "prepare", "--dsn", dsn, "--grant", role]) == 0
    assert main(["idempotent", "prepare", "--dsn", dsn, "--grant", role]) == 0
    assert (book(worker), book(worker)) == ("done", "already_done")


def test_old_windows_are_forgotten(dsn: str) -> None:
    """The ledger of a job that runs every few minutes stays small."""
    book(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE baton.job_windows SET finished_at = now() - interval '91 days'")
    book(dsn, "2026-11-23")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT window_key FROM baton.job_windows").fetchall() == [("2026-11-23",)]


PAGE = Path(__file__).parents[3] / "docs" / "idempotent-jobs.md"


def test_the_pages_fifteen_lines_run(dsn: str) -> None:
    """The example is a whole job: called once, booked once."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # our own page
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE public.closed (day date)")
    calls: list[date] = []

    def call(day: date) -> str:
        calls.append(day)
        return "accepted"

    assert [names["close_day"](dsn, call)["outcome"] for _ in range(2)] == ["done", "already_done"]
    assert len(calls) == 1
    assert code.count("\n") <= 15
