"""Job files become DAGs. Two lines in a DAG file do it (the word airflow must be in it, or Airflow does not read it)::

    # Airflow DAGs of our jobs
    from baton.jobs import job_dags
    globals().update(job_dags("/path/to/jobs"))

What cannot become a DAG is left out and logged; `report_refused` in a second DAG file shows it as an import error. Why
a file of its own: Airflow takes every DAG of a file with an import error out of service.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, BaseOperator, Param, get_parsing_context

from baton.cronjobs.manifests.files import Problem
from baton.cronjobs.timetable import CronJobTimetable
from baton.defaults import OWNER
from baton.exceptions import PermanentError
from baton.jobs.dags_docs import job_doc
from baton.jobs.model.job import Job
from baton.jobs.model.steps import ELSEWHERE
from baton.jobs.reading import FiledJob, JobsRead, read_jobs
from baton.jobs.run.execution import FIRST_WAIT_SECONDS
from baton.jobs.run.names import tasks_of, zone_of
from baton.jobs.run.notices import notice
from baton.jobs.run.operator import LOST_WORKERS, JobStepsOperator, WaitAsTheJobSays, WaitInTurn
from baton.jobs.timetable import EveryTimetable, OnceTimetable

log = logging.getLogger(__name__)

TAG = "job"
TAGS = ("area/jobs", "tier/2")
"""Where a file names none."""
_MANY_RUNS = 100


class RefusedJobsError(PermanentError):
    """Some job files cannot become DAGs. The message has a line for each thing to fix."""


def job_dags(*folders: str | Path) -> dict[str, DAG]:
    """Make the DAGs of all jobs in some folders.

    :param folders: folders with job files; or files.
    :returns: DAGs by their id, which is the job's name, to be put into the module's globals.
    """
    dags, problems = _make(folders)
    if get_parsing_context().dag_id is None:  # else they would stand in the log of every task
        for problem in problems:
            log.error("%s", problem)
    return dags


def report_refused(*folders: str | Path) -> None:
    """Fail the DAG file that calls this if `job_dags` leaves anything out.

    :raises RefusedJobsError: file, line, field and reason of everything that has to be fixed.
    """
    _, problems = _make(folders)
    if problems:
        raise RefusedJobsError("\n".join(["", *map(str, problems)]))


def _make(folders: Iterable[str | Path]) -> tuple[dict[str, DAG], list[Problem]]:
    wanted = get_parsing_context().dag_id  # a task's process needs its own DAG only
    read = read_jobs([Path(folder).absolute() for folder in folders], wanted)
    dags, problems = _tried(read)
    return dags, [*read.problems, *problems]


def try_all(read: JobsRead) -> list[Problem]:
    """What keeps jobs that can be read from becoming DAGs."""
    return _tried(read)[1]


def _tried(read: JobsRead) -> tuple[dict[str, DAG], list[Problem]]:
    dags, problems = {}, []
    for name, filed in read.jobs.items():
        try:
            dags[name] = dag_of(filed)
        except Exception as err:  # whatever it is, it must not hide the others
            problems.append(filed.problem((), f"no DAG {name}: {type(err).__name__}: {err}"))
    return dags, problems


def timetable_of(job: Job) -> CronJobTimetable | EveryTimetable | OnceTimetable | None:
    """When the clock starts it; None for a job that only an event or a person starts."""
    deadline = None if job.deadline is None else int(job.deadline.total_seconds())
    if job.cron is not None:
        return CronJobTimetable(job.cron, zone_of(job), deadline)
    if job.every is not None:
        return EveryTimetable(int(job.every.total_seconds()), deadline)
    if job.run_at is not None:
        return OnceTimetable(job.run_at) if deadline is None else OnceTimetable(job.run_at, deadline)
    return None


def dag_of(filed: FiledJob) -> DAG:
    """The DAG of a job."""
    job = filed.job
    with DAG(
        job.name,
        schedule=[Asset(name) for name in job.after] or timetable_of(job),
        catchup=False,
        auto_register=False,  # `report_refused` makes DAGs only to see whether they can be made
        max_active_runs=1 if job.concurrency == "Forbid" else _MANY_RUNS,
        dagrun_timeout=longest(job),
        default_args={"owner": OWNER, "queue": str(job.queue)},
        params={name: _param(schema) for name, schema in job.input.items()},
        tags=sorted({TAG, f"queue/{job.queue}", *(job.tags or TAGS)}),
        description=job.description or None,
        doc_md=job_doc(filed),
    ) as dag:
        tasks = [_task(job, task_id, steps) for task_id, steps in tasks_of(job)]
        for before, after in pairwise(tasks):
            before.set_downstream(after)
        tasks[0].doc_json = json.dumps(note_of(filed))
        _announce(job, tasks)
    return dag


def longest(job: Job) -> timedelta:
    """How long a run may take: its timeout, and where its waits are long, for each try and with all waits."""
    return sum(job.retry_delays, job.timeout * (len(job.retry_delays) + 1))


def _task(job: Job, task_id: str, steps: list[tuple[str, Any]]) -> BaseOperator:
    retries = len(job.retry_delays) + LOST_WORKERS
    if isinstance(steps[0][1], ELSEWHERE):
        from baton.jobs.run.elsewhere import operator_of  # the clients of Kubernetes take seconds to import

        [(name, step)] = steps
        return operator_of(job, name, step, **_tried_elsewhere(job))
    return JobStepsOperator(
        task_id=task_id,
        job=job,
        steps=[name for name, _ in steps],
        retries=retries,
        retry_policy=WaitAsTheJobSays(),
        execution_timeout=job.timeout,
    )


def _tried_elsewhere(job: Job) -> dict[str, Any]:
    """How often Airflow tries a task of its own."""
    waits = [delay.total_seconds() for delay in job.retry_delays] or [FIRST_WAIT_SECONDS] * job.retry.times
    return {
        "retries": job.retry.times,
        "retry_policy": WaitInTurn(tuple(waits), doubles=job.retry.backs_off),
        "execution_timeout": job.timeout,
    }


def _announce(job: Job, tasks: list[BaseOperator]) -> None:
    """Let the last task say that all went well, and one more task that it did not.

    Why a task: an asset's event comes of a task that succeeds. And why a last one beside it: Airflow takes a run's
    state from its last tasks alone, and the one that tells of a failure succeeds.
    """
    last = tasks[-1]
    last.outlets = [Asset(each.target) for each in job.on_complete if each.kind == "emit"]
    last.on_success_callback = [notice(each.target, "succeeded") for each in job.on_complete if each.kind == "notify"]
    for task in tasks:
        task.on_failure_callback = [notice(each.target, "failed") for each in job.on_fail if each.kind == "notify"]
    events = [Asset(each.target) for each in job.on_fail if each.kind == "emit"]
    if events:
        told = EmptyOperator(task_id="tell_failure", trigger_rule="one_failed", outlets=events)
        told.set_upstream(tasks)
        EmptyOperator(task_id="all_succeeded").set_upstream(last)


def note_of(filed: FiledJob) -> dict[str, Any]:
    """What pages and the API read from the stored DAG, without its file."""
    job = filed.job
    return {
        "job": job.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"steps"}),
        "steps": job.step_names(),
        "file": filed.file.name,
        "line": filed.line,
    }


def _param(schema: dict[str, Any]) -> Param:
    given = dict(schema)
    return Param(given.pop("default"), **given) if "default" in given else Param(**given)
