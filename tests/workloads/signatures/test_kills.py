"""Whatever is killed, and whenever: never two mails for one reminder date, and what is uncertain is named."""

import os
import secrets
import signal
import subprocess
import threading
from typing import Any

import psycopg
import pytest
from tests.workloads.in_process import Outcome
from tests.workloads.postgres_server import Server
from tests.workloads.signatures.conftest import STAFF
from tests.workloads.signatures.post_office import GONE, OK, Mail, PostOffice
from tests.workloads.signatures.worker import EXPIRE, REMIND, SHOP, Shop, ended
from tests.workloads.waiting import until

LATER = "2026-11-22T15:00"
SENT, UNCONFIRMED = "sent", "unconfirmed"


def killed(shop: Shop, step: str, answer: str, *words: str) -> None:
    """Kill a worker at a step of its first mail, then let the server answer."""
    process: list[subprocess.Popen[str]] = []

    def kill(_: Any) -> str:
        process[0].kill()
        process[0].wait()
        setattr(shop.office, step, lambda _: OK)
        return answer

    setattr(shop.office, step, kill)
    process.append(shop.spawn(*words))
    assert ended(process[0]).code == -signal.SIGKILL


@pytest.mark.parametrize(
    ("step", "answer", "mails", "outcome"),
    [
        ("at_rcpt", OK, 1, SENT),  # before the claim: the next run sends
        ("at_data", "451 later", 0, UNCONFIRMED),  # after the claim; the mail is not out
        ("at_data", OK, 1, UNCONFIRMED),  # after the claim; the mail is out
    ],
)
def test_a_worker_killed_at_a_mail(shop: Shop, step: str, answer: str, mails: int, outcome: str) -> None:
    """The next run, at once and in the same window, takes over: it sends what surely was not sent, and nothing else."""
    workflow = shop.workflow()
    killed(shop, step, answer, *REMIND)
    second = shop.run(*REMIND)
    assert (second.result["outcome"], second.result[outcome], "taking it over" in second.stderr) == ("done", 1, True)
    assert (len(shop.office.mails), shop.log()) == (mails, [(workflow, "2026-11-22", outcome)])
    assert shop.run(*REMIND, as_of=LATER).result["sent"] == 0


def test_an_uncertain_reminder_is_named_and_decided_by_a_person(shop: Shop) -> None:
    """The log has its Message-ID; said to be sent it stays so, said not to be it is sent."""
    first = shop.workflow()
    killed(shop, "at_data", OK, *REMIND)
    second = shop.workflow()
    killed(shop, "at_data", "451 later", *REMIND, "--as-of", LATER)
    outcome = shop.run(*REMIND, "--again", as_of=LATER)
    assert f"workflow {second}, reminder date 2026-11-22: interrupted while it was sent" in outcome.stderr
    assert f"<signature-reminder.{second}.2026-11-22@shop.example>" in outcome.stderr

    assert shop.command("signatures", "resolve", str(first), "2026-11-22", "--sent").code == 0
    assert shop.command("signatures", "resolve", str(second), "2026-11-22", "--not-sent").code == 0
    again = shop.command("signatures", "resolve", str(first), "2026-11-22", "--not-sent")
    assert (again.code, "is not unconfirmed" in again.error) == (65, True)

    assert shop.run(*REMIND, as_of="2026-11-22T18:00").result["sent"] == 1
    assert shop.log() == [(first, "2026-11-22", SENT), (second, "2026-11-22", SENT)]
    assert len(set(shop.office.ids)) == len(shop.office.ids) == 2


@pytest.mark.parametrize(
    ("table", "outcome"), [("signature_reminders", UNCONFIRMED), ("baton.job_windows", SENT)], ids=["log", "window"]
)
def test_a_worker_killed_while_it_records(shop: Shop, table: str, outcome: str) -> None:
    """Before the record's commit the mail counts as uncertain; between that and the window's end as sent."""
    shop.workflow()
    shop.run(*REMIND, as_of="2026-11-01")  # makes the ledger
    with psycopg.connect(shop.dsn) as blocker:

        def block(_: Mail) -> str:
            blocker.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            return OK

        shop.office.at_data = block
        process = shop.spawn(*REMIND)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        until(lambda: shop.query(waiting) == [(1,)])
        process.kill()
        process.communicate()
        until(lambda: shop.query(waiting) == [(0,)])
    assert shop.run(*REMIND).result["outcome"] == "done"
    assert ([row[2] for row in shop.log()], len(shop.office.mails)) == ([outcome], 1)


def test_a_connection_that_breaks_before_the_answer_is_uncertain_at_once(shop: Shop) -> None:
    """Nobody needs to be killed for that; the other mails go out over a new connection."""
    lost, other = shop.workflow(), shop.workflow()
    answers = [f"250 {GONE}", OK]
    shop.office.at_data = lambda mail: answers.pop(0)
    result = shop.run(*REMIND).result
    assert (result["unconfirmed"], result["sent"]) == (1, 1)
    assert shop.log() == [(lost, "2026-11-22", UNCONFIRMED), (other, "2026-11-22", SENT)]


@pytest.mark.parametrize(("breaks", "code"), [(1, 0), (2, 75)])
def test_a_connection_that_breaks_before_the_claim_is_made_anew_once(shop: Shop, breaks: int, code: int) -> None:
    """Servers end idle sessions; one that ends each of them is down."""
    shop.workflow()
    answers = [GONE] * breaks
    shop.office.at_rcpt = lambda recipient: answers.pop() if answers else OK
    assert (shop.run(*REMIND).code, len(shop.office.mails)) == (code, code == 0)
    assert shop.run(*REMIND, "--again").result["sent"] == (code > 0)


def test_sigterm_lets_the_mail_at_hand_be_recorded(shop: Shop) -> None:
    """A drained node costs no certainty: the pod ends as transient, the next run does the rest."""
    for _ in range(3):
        shop.workflow()
    process: list[subprocess.Popen[str]] = []

    def terminate(mail: Mail) -> str:
        if not shop.office.mails:
            process[0].terminate()
        return OK

    shop.office.at_data = terminate
    process.append(shop.spawn(*REMIND))
    outcome = ended(process[0])
    assert (outcome.code, "stopped by SIGTERM" in outcome.error) == (75, True)
    assert [row[2] for row in shop.log()] == [SENT]
    assert shop.run(*REMIND).result["sent"] == 2


def test_a_second_worker_is_told_that_one_is_processing(shop: Shop) -> None:
    """It ends as a success that names the holder; the first one goes on."""
    shop.workflow()
    seconds: list[Outcome] = []

    def meanwhile(mail: Mail) -> str:
        seconds.append(ended(shop.spawn(*REMIND, as_of=LATER)))
        return OK

    shop.office.at_data = meanwhile
    process = shop.spawn(*REMIND)
    assert ended(process).result["sent"] == 1
    notified = seconds[0].result
    assert (notified["outcome"], notified["holder"].endswith(f"/{process.pid}")) == ("busy", True)
    assert notified["holder_window"] == "2026-11-22T11:00:00Z"


def test_a_frozen_worker_that_lost_its_lock_cannot_send(shop: Shop) -> None:
    """Its database session is gone, as when its node hangs; another took over; then it wakes before its claim."""
    shop.workflow()
    process: list[subprocess.Popen[str]] = []
    frozen = threading.Event()

    def lose_the_lock(recipient: str) -> str:
        shop.office.at_rcpt = lambda recipient: OK
        os.kill(process[0].pid, signal.SIGSTOP)
        end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'baton job''s'"
        shop.query(end)
        frozen.set()
        return OK

    shop.office.at_rcpt = lose_the_lock
    process.append(shop.spawn(*REMIND))
    assert frozen.wait(30)
    assert shop.run(*REMIND).result["sent"] == 1
    os.kill(process[0].pid, signal.SIGCONT)
    assert ended(process[0]).code == 75
    assert len(shop.office.mails) == 1


def test_a_crash_of_the_database_forgets_no_claim(own_server: Server, office: PostOffice) -> None:
    """Also where the database commits asynchronously: else the mail would be sent again."""
    name = f"shop_{secrets.token_hex(4)}"
    with psycopg.connect(own_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    shop = Shop(own_server.dsn(name), office)
    for file in ("schema.sql", "keys.sql"):
        shop.execute((SHOP / file).read_text())
    shop.execute(STAFF)
    shop.run(*REMIND)
    shop.workflow()
    shop.execute("CHECKPOINT")

    def crash(mail: Mail) -> str:
        own_server.stop()
        return OK

    office.at_data = crash
    assert shop.run(*REMIND, as_of=LATER).code == 75
    own_server.start()
    assert shop.run(*REMIND, as_of=LATER).result["unconfirmed"] == 1
    assert len(office.mails) == 1


@pytest.mark.parametrize(
    ("step", "answer", "mails", "counts"),
    [
        ("at_rcpt", OK, 1, {"closed": 0, "notified": 1, "unconfirmed": 0}),
        ("at_data", "451 later", 0, {"closed": 0, "notified": 0, "unconfirmed": 1}),
        ("at_data", OK, 1, {"closed": 0, "notified": 0, "unconfirmed": 1}),
    ],
)
def test_a_killed_expiry_tells_at_most_once(
    shop: Shop, step: str, answer: str, mails: int, counts: dict[str, int]
) -> None:
    """What was closed stays closed, and the notices that were noted with it are not lost."""
    shop.workflow(due_in=-1)
    killed(shop, step, answer, *EXPIRE)
    result = shop.run(*EXPIRE).result
    assert ({name: result[name] for name in counts}, len(shop.office.mails)) == (counts, mails)
