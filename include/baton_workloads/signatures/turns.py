"""One turn of a signature worker: the guard around it, its mail server, and the result that it gives."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from baton_workloads.idempotent.guard import Turn, guard
from baton_workloads.idempotent.stopping import asked_to_stop
from baton_workloads.signatures.surroundings import Post, Surroundings, surroundings
from baton_workloads.smtp import MailServer

Work = Callable[[Turn, Surroundings, Post, Callable[[], bool]], Counter[str]]
"""What a worker does in its turn; the last argument tells whether its pod is being stopped. Returns its counts."""


def run_turn(
    job: str, work: Work, *, every: timedelta, zone: str, as_of: str | None = None, again: bool = False
) -> dict[str, Any]:
    """Work if the turn is ours, and say what came of it.

    :param every: length of the window in which the job is done once.
    :param zone: IANA name; decides what day it is.
    :param as_of: pretend it is this day or time; None for the database's now.
    :param again: also when this window is done.
    :returns: the job's result: outcome, as_of, the worker's counts, seconds.
    """
    started = time.monotonic()
    around = surroundings()
    with guard(around.dsn, job, every=every, zone=zone, as_of=as_of, again=again) as turn:
        if turn.mine:
            with asked_to_stop() as asked, MailServer(around.smtp_url) as server:
                counts = work(turn, around, Post(server, around.sender), asked)
            turn.done(as_of=turn.moment.today.isoformat(), **counts)
        return {**turn.report(), "seconds": round(time.monotonic() - started, 3)}
