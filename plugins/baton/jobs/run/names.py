"""What expressions know of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from baton.jobs.model.job import Job
from baton.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context


def zone_of(job: Job) -> str:
    """The zone in which the job's schedule and days are meant."""
    return job.timezone or settings().timezone


def names_of(job: Job, context: Context) -> dict[str, Any]:
    """The names that every expression knows.

    - `input`: what a run by hand was given, with the defaults of the file.
    - `run`: `id`; `at`, the moment for which it was planned, UTC; `day`, that moment's day in the job's zone.
    - `job`: `name`, `queue`.
    - `last_success()`: when the last successful run was planned, UTC; none before the first.
    """
    run = context["dag_run"]
    params = context["params"]
    at = run.run_after
    return {
        "input": {name: params[name] for name in job.input if name in params},
        "run": {"id": run.run_id, "at": at.isoformat(), "day": at.astimezone(ZoneInfo(zone_of(job))).date().isoformat()},
        "job": {"name": job.name, "queue": str(job.queue)},
        "last_success": _last_success(context),
    }


def _last_success(context: Context) -> Callable[[], str | None]:
    def last_success() -> str | None:
        """Asked for only where it is used: it is a question to Airflow's API."""
        moment = context["prev_start_date_success"]
        return moment.isoformat() if moment else None

    return last_success
