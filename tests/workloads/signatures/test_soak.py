"""Hundreds of kills at random moments, two workers at a time, an unsteady mail server: never two mails for one date."""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from tests.workloads.signatures.post_office import GONE, OK, Mail
from tests.workloads.signatures.worker import EXPIRE, REMIND, TODAY, Shop

from baton_workloads.__main__ import main

KILLS = 300
DAYS = 10
ANSWERS = [OK] * 12 + ["451 later", "554 5.6.0 spam", f"250 {GONE}", f"451 {GONE}"]


class Unsteady:
    """A mail server that takes its time and gives any answer; it counts, and tells that a worker is at a mail."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.steps = 0

    def at_rcpt(self, _recipient: str) -> str:
        """Mostly accept."""
        self.steps += 1
        time.sleep(self.dice.uniform(0, 0.01))
        return self.dice.choice([OK] * 20 + ["451 later", GONE])

    def at_data(self, _mail: Mail) -> str:
        """Mostly accept."""
        self.steps += 1
        time.sleep(self.dice.uniform(0, 0.01))
        return self.dice.choice(ANSWERS)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [7])
def test_random_kills_never_double_a_mail(shop: Shop, seed: int) -> None:
    """Each reminder date has one row at most, each row that says sent has its mail, each mail a row that admits it."""
    dice = random.Random(seed)
    server = Unsteady(dice)
    shop.office.at_rcpt, shop.office.at_data = server.at_rcpt, server.at_data
    for number in range(120):
        shop.workflow(due_in=number % DAYS, remind_days_before=list(range(DAYS)))
    ends: Counter[int | None] = Counter()
    # Forked from a process that has imported everything: hundreds of workers in a minute.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["baton_workloads.signatures.remind", "baton_workloads.signatures.expire", "psycopg"]
    )
    for number in range(KILLS):
        day = TODAY + timedelta(days=number * DAYS // KILLS)
        kinds = [dice.choice([REMIND, REMIND, EXPIRE]) for _ in (1, 2)]
        workers = [
            context.Process(target=worker, args=(shop.environment, [*kind, "--again", "--as-of", str(day)]))
            for kind in kinds
        ]
        for each in workers:
            each.start()
        await_step(server, workers)
        time.sleep(dice.uniform(0, 0.15))
        for each in workers:
            each.terminate() if dice.random() < 0.1 else each.kill()
        for each in workers:
            each.join()
            ends[each.exitcode] += 1
            each.close()
    shop.office.reset_answers()
    for words in (REMIND, EXPIRE):
        assert shop.run(*words, "--again", as_of=str(TODAY + timedelta(days=DAYS))).code == 0

    log = shop.query("SELECT message_id, outcome::text FROM signature_reminders WHERE message_id IS NOT NULL")
    log += shop.query(
        "SELECT reference, outcome FROM baton.job_items WHERE job = 'signatures expire' AND outcome <> 'skipped'"
    )
    outcomes = dict(log)
    print(seed, dict(ends), Counter(outcomes.values()), len(shop.office.mails))
    assert len(set(shop.office.ids)) == len(shop.office.ids) > 100
    assert {own for own, outcome in log if outcome in ("sent", "notified")} <= set(shop.office.ids)
    assert {outcomes.get(own) for own in shop.office.ids} <= {"sent", "notified", "unconfirmed"}
    assert shop.query("SELECT item FROM baton.job_items WHERE state = 'started'") == []
    assert shop.query("SELECT count(*) FROM signature_workflows WHERE status = 'expired'") == [(120,)]
    assert ends[-9] > KILLS


def worker(environment: dict[str, str], words: list[str]) -> None:
    """Be a worker."""
    os.environ.update(environment)
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = sys.stderr = nowhere
        sys.exit(main(words))


def await_step(server: Unsteady, workers: list[ForkServerProcess]) -> None:
    """Wait until a worker is at a mail, or there is none left to send."""
    before, deadline = server.steps, time.monotonic() + 5
    while server.steps == before and time.monotonic() < deadline:
        if not any(each.is_alive() for each in workers):
            return
        time.sleep(0.002)
