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
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, Param, get_parsing_context  # type: ignore[attr-defined]

from baton.cronjobs.manifests.files import Problem
from baton.cronjobs.timetable import CronJobTimetable
from baton.defaults import OWNER
from baton.exceptions import PermanentError
from baton.jobs.dags_docs import job_doc
from baton.jobs.model.job import Job
from baton.jobs.reading import FiledJob, read_jobs
from baton.jobs.run.names import zone_of
from baton.jobs.run.operator import LOST_WORKERS, JobStepsOperator, WaitAsTheJobSays
from baton.jobs.timetable import EveryTimetable, OnceTimetable

log = logging.getLogger(__name__)

TAG = "job"
TAGS = ("area/jobs", "tier/2")
"""Where a file names none."""
_MANY_RUNS = 100
_TASK = "run_steps"


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
    problems, dags = list(read.problems), {}
    for name, filed in read.jobs.items():
        try:
            dags[name] = dag_of(filed)
        except Exception as err:  # whatever it is, it must not hide the others
            problems.append(filed.problem((), f"no DAG {name}: {type(err).__name__}: {err}"))
    return dags, problems


def event_asset(event: str) -> Asset:
    """The asset whose events `emit(Event)` makes: others are scheduled on it."""
    return Asset(f"event/{event}")


def timetable_of(job: Job) -> CronJobTimetable | EveryTimetable | OnceTimetable | None:
    """When the clock starts it; None for a job that is run by hand only."""
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
        schedule=timetable_of(job),
        catchup=False,
        auto_register=False,  # `report_refused` makes DAGs only to see whether they can be made
        max_active_runs=1 if job.concurrency == "Forbid" else _MANY_RUNS,
        dagrun_timeout=job.timeout,
        default_args={"owner": OWNER, "queue": str(job.queue)},
        params={name: _param(schema) for name, schema in job.input.items()},
        tags=sorted({TAG, f"queue/{job.queue}", *(job.tags or TAGS)}),
        description=job.description or None,
        doc_md=job_doc(filed),
    ) as dag:
        JobStepsOperator(
            task_id=_TASK,
            job=job,
            steps=job.step_names(),
            retries=len(job.retry_delays) + LOST_WORKERS,
            retry_policy=WaitAsTheJobSays(),
            execution_timeout=job.timeout,
            outlets=[event_asset(each.target) for each in job.on_complete if each.kind == "emit"],
            doc_json=json.dumps(note_of(filed)),
        )
    return dag


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
