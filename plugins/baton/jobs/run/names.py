"""What expressions know of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from baton.jobs.model.job import Job
from baton.jobs.model.steps import ELSEWHERE
from baton.jobs.run.results import Results
from baton.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context


RUN_STEPS = "run_steps"
"""Id of the task of consecutive steps."""


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
        "run": {
            "id": run.run_id,
            "at": at.isoformat(),
            "day": at.astimezone(ZoneInfo(zone_of(job))).date().isoformat(),
        },
        "job": {"name": job.name, "queue": str(job.queue)},
        "last_success": _last_success(context),
    }


def recalled(job: Job, before: str, context: Context) -> dict[str, Any]:
    """What the steps of earlier tasks of the run gave, by their names (`as`).

    :param before: name of the step from which on nothing is recalled.
    """
    run = context["dag_run"]
    results = Results.of_run(settings().jobs_uri, run.dag_id, run.run_id)
    found: dict[str, Any] = {}
    for task_id, steps in tasks_of(job):
        if before in dict(steps):
            break
        if not any(step.result for _, step in steps):
            continue
        given = context["ti"].xcom_pull(task_ids=task_id)
        for name, step in steps:
            if step.result and isinstance(step, ELSEWHERE):
                found[step.result] = given
            elif step.result:
                found[step.result] = results.load((given or {}).get(name))
    return found


def tasks_of(job: Job) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Which steps make which task: consecutive ones one task together, one that runs elsewhere one of its own.

    :returns: id of the task, its steps by name; in order.
    """
    groups: list[list[tuple[str, Any]]] = []
    for name, step in zip(job.step_names(), job.steps, strict=True):
        alone = isinstance(step, ELSEWHERE)
        if not groups or alone or isinstance(groups[-1][0][1], ELSEWHERE):
            groups.append([])
        groups[-1].append((name, step))
    here = [group for group in groups if not isinstance(group[0][1], ELSEWHERE)]
    ids = {id(group): RUN_STEPS if len(here) == 1 else f"{RUN_STEPS}_{number}" for number, group in enumerate(here, 1)}
    return [(ids.get(id(group), group[0][0]), group) for group in groups]


def _last_success(context: Context) -> Callable[[], str | None]:
    def last_success() -> str | None:
        """Asked for only where it is used: it is a question to Airflow's API."""
        moment = context["prev_start_date_success"]
        return moment.isoformat() if moment else None

    return last_success
