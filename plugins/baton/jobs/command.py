"""`./baton jobs`: check job files, list and explain the jobs; what asks an Airflow is in `baton.jobs.api.command`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from baton import command_line
from baton.exceptions import PermanentError
from baton.jobs.api.command import NotAskedError, Url, User, add_commands, line_of, remote_rows
from baton.jobs.api.shapes import Job
from baton.jobs.reading import FiledJob, JobsRead, read_jobs
from baton.settings import settings

app = command_line.application(
    "Jobs: check and explain their files; run, move, look at and end them, here or far away."
)
PATHS = Annotated[list[Path] | None, typer.Argument(help="Files or folders; default: jobs in the data folder.")]
_COMING = 5


class JobFilesError(PermanentError):
    """Something in the files is wrong, or a job is not there."""


def _read(paths: list[Path] | None) -> JobsRead:
    folders = paths or [settings().data("jobs")]
    if missing := [path for path in folders if not path.exists()]:
        raise NotAskedError(f"there is no {missing[0]}")
    return read_jobs([folder.absolute() for folder in folders])


def _one(name: str, paths: list[Path] | None) -> FiledJob:
    found = _read(paths).jobs.get(name)
    if found is None:
        raise JobFilesError(f"there is no job {name} that can be read; `./baton jobs check` says what is wrong")
    return found


@app.command()
def check(paths: PATHS = None) -> None:
    """Say of each job file what is wrong: file, line, field, and what to do.

    Exit codes: 0 all can become DAGs, 1 something is wrong, 2 a path is not there.
    """
    from baton.jobs.dags import try_all

    read = _read(paths)
    problems = [*read.problems, *try_all(read)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise JobFilesError(f"{len(problems)} things to fix; {len(read.jobs)} jobs are well")
    print(f"{len(read.jobs)} jobs are well.")


@app.command("list")
def list_(
    paths: PATHS = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    url: Url = "",
    user: User = "",
) -> None:
    """List the jobs: when, in which queue, what they are for. Those of the Airflow that is named, else of the files."""
    if url and not paths:
        jobs = remote_rows(url, user)
        print(json.dumps([job.model_dump(mode="json") for job in jobs], indent=2) if as_json else _lines(jobs))
        return
    from baton.jobs.dags_docs import schedule_in_words

    rows = [
        {
            "name": name,
            "schedule": schedule_in_words(filed.job),
            "queue": str(filed.job.queue),
            "next": next(iter(coming(filed, 1)), None),
            "description": filed.job.description,
            "file": f"{filed.file}:{filed.line}",
        }
        for name, filed in sorted(_read(paths).jobs.items())
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['name']}  [{row['queue']}]  {row['schedule']}; next {row['next'] or 'by hand'}")
        print(f"    {row['description']}  ({row['file']})")


def _lines(jobs: list[Job]) -> str:
    return "\n".join(line_of(job) for job in jobs)


@app.command()
def explain(name: Annotated[str, typer.Argument(help="Name of the job.")], paths: PATHS = None) -> None:
    """Say what a job does: when it runs next, its tasks and steps, what happens when one fails."""
    from baton.jobs.dags_docs import explained

    filed = _one(name, paths)
    print("\n".join(explained(filed)))
    for moment in coming(filed, _COMING):
        print(f"next: {moment}")


def coming(filed: FiledJob, count: int) -> list[str]:
    """The next moments at which the clock starts a job, UTC."""
    from airflow.timetables.base import DataInterval, TimeRestriction

    from baton.jobs.dags import timetable_of

    timetable, found = timetable_of(filed.job), []
    now = datetime.now(UTC)
    last: Any = DataInterval.exact(now)  # type: ignore[arg-type]  # any moment with a zone does
    if timetable is None or (filed.job.run_at is not None and filed.job.run_at < now):
        return []
    if filed.job.run_at is not None:
        return [filed.job.run_at.isoformat()]
    for _ in range(count):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(None, None, catchup=True)
        )
        if info is None:
            break
        found.append(info.run_after.isoformat())
        last = info.data_interval
    return found


@app.command()
def schema() -> None:
    """Print the JSON schema of job files; `include/jobs/job.schema.json` is this."""
    from baton.jobs.schema import schema_text

    print(schema_text(), end="")


add_commands(app)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command_line.run(app, "jobs", "baton.jobs.command", arguments)


if __name__ == "__main__":
    sys.exit(main())
