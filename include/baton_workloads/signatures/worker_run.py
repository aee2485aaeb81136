"""One run of a signature worker: the guard around it, its mail server, and the result that it gives."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from baton_workloads.idempotent.guard import GuardedRun, guard
from baton_workloads.idempotent.stopping import asked_to_stop
from baton_workloads.signatures.worker_settings import Mailer, WorkerSettings, read_settings
from baton_workloads.smtp import MailServer

Work = Callable[[GuardedRun, WorkerSettings, Mailer, Callable[[], bool]], Counter[str]]
"""What a worker does in its run; the last argument tells whether its pod is being stopped. Returns its counts."""


def run_worker(
    job: str, work: Work, *, every: timedelta, zone: str, as_of: str | None = None, again: bool = False
) -> dict[str, Any]:
    """Work if the run is ours, and say what came of it.

    :param every: length of the window in which the job is done once.
    :param zone: IANA name; decides what day it is.
    :param as_of: pretend it is this day or time; None for the database's now.
    :param again: also when this window is done.
    :returns: the job's result: outcome, as_of, the worker's counts, seconds.
    """
    started = time.monotonic()
    settings = read_settings()
    with guard(settings.dsn, job, every=every, zone=zone, as_of=as_of, again=again) as run:
        if run.acquired:
            with asked_to_stop() as asked, MailServer(settings.smtp_url) as server:
                counts = work(run, settings, Mailer(server, settings.sender), asked)
            run.done(as_of=run.moment.today.isoformat(), **counts)
        return {**run.report(), "seconds": round(time.monotonic() - started, 3)}
