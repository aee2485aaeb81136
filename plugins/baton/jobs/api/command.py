"""The part of `./baton jobs` that asks an Airflow, here or far away, by the jobs API."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Annotated, Any

import typer

from baton import command_line
from baton.exceptions import BatonError, PermanentError
from baton.jobs.api.client import JobsClient
from baton.jobs.api.shapes import Execution, Job, Status, Token

TOKEN = "BATON_JOBS_TOKEN"  # noqa: S105  (the variable's name)
_POLL_SECONDS = 0.2

Name = Annotated[str, typer.Argument(help="Name of the job.")]
ExecutionId = Annotated[str, typer.Argument(help="As `exec-2026-01-12-manual-17`.")]
Url = Annotated[str, typer.Option(envvar="BATON_AIRFLOW_URL", help="Address of Airflow.")]
User = Annotated[str, typer.Option(envvar="BATON_AIRFLOW_USER", help=f"Who asks, without a token in {TOKEN}.")]

tokens = command_line.application("Named tokens for programs. Their secrets are shown once.")


class JobFailedError(PermanentError):
    """The run that was waited for has failed."""


class NotAskedError(BatonError):
    """It could not be asked."""


def client(url: str, user: str) -> JobsClient:
    """A client with the token of the environment, or of somebody who signs in.

    :raises NotAskedError: nobody says where Airflow is.
    """
    if not url:
        raise NotAskedError("no Airflow is named: give --url, or BATON_AIRFLOW_URL")
    if token := os.environ.get(TOKEN):
        return JobsClient(url, token)
    return JobsClient.signed_in(url, user, os.environ.get("BATON_AIRFLOW_PASSWORD", ""))


def add_commands(app: typer.Typer) -> None:
    """Add these commands to those that read files."""
    for command in (run, pause, resume, reschedule, executions, execution, cancel, retry, queues, reports):
        app.command()(command)
    app.add_typer(tokens, name="token")


def run(
    name: Name,
    given: Annotated[str, typer.Option("--input", help="JSON object that fits the job's `input`.")] = "{}",
    key: Annotated[str, typer.Option(help="Idempotency key: the same one is the same execution.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 if it fails.")] = False,
    url: Url = "",
    user: User = "",
) -> None:
    """Run a job now. The token is the variable BATON_JOBS_TOKEN, or the password BATON_AIRFLOW_PASSWORD.

    Exit codes: 0 started (with --wait: succeeded), 1 failed, 2 Airflow cannot be asked.
    """
    wanted = _object(given)
    with client(url, user) as jobs:
        started = jobs.run(name, wanted, key or None)
        print(started.execution_id)
        if wait and jobs.wait(started.execution_id, _POLL_SECONDS).status != Status.SUCCESS:
            raise JobFailedError(f"{name} has failed: `./baton jobs execution {started.execution_id}` says where")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as err:
        raise NotAskedError(f"--input is no JSON: {err}") from err
    if not isinstance(found, dict):
        raise NotAskedError("--input is no JSON object")
    return found


def pause(name: Name, url: Url = "", user: User = "") -> None:
    """Let no clock start a job."""
    with client(url, user) as jobs:
        print(line_of(jobs.pause(name)))


def resume(name: Name, url: Url = "", user: User = "") -> None:
    """Let the clock start a job again."""
    with client(url, user) as jobs:
        print(line_of(jobs.resume(name)))


def reschedule(
    name: Name,
    cron: Annotated[str, typer.Option(help="Cron expression, as `0 7 * * *`.")] = "",
    every: Annotated[str, typer.Option(help="Interval, as 30m.")] = "",
    zone: Annotated[str, typer.Option(help="Zone of the expression.")] = "",
    reset: Annotated[bool, typer.Option("--reset", help="Let the job's file say again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say when it would run.")] = False,
    url: Url = "",
    user: User = "",
) -> None:
    """Give a job another schedule, which wins over its file until --reset. It counts within a minute."""
    with client(url, user) as jobs:
        if reset:
            made = jobs.reset_schedule(name)
        else:
            made = jobs.reschedule(name, cron=cron or None, every=every or None, timezone=zone or None, dry_run=dry_run)
    print(f"{name}: {made.cron_expression or f'every {made.every_seconds} s'} {made.timezone or ''}".rstrip())
    for moment in made.next_runs:
        print(f"next: {moment.isoformat()}")


def executions(
    name: Name,
    status: Annotated[list[Status] | None, typer.Option(help="Only those; may be given again.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    url: Url = "",
    user: User = "",
) -> None:
    """List the executions of a job, the newest first."""
    with client(url, user) as jobs:
        for _, found in zip(range(limit), jobs.executions(name, *(status or ())), strict=False):
            print(_execution_line(found))


def execution(number: ExecutionId, url: Url = "", user: User = "") -> None:
    """Show an execution: its steps, and the end of the log that says most."""
    with client(url, user) as jobs:
        found = jobs.execution(number)
    print(_execution_line(found))
    for step in found.steps:
        took = "" if step.duration_seconds is None else f"  {step.duration_seconds:.1f} s"
        print(f"  {step.name}: {step.status}{took}  {step.message}".rstrip())
    if found.log_tail:
        print(f"log of {found.log_tail.task_id}, try {found.log_tail.attempt}:")
        print("\n".join(f"  {line}" for line in found.log_tail.lines))


def cancel(number: ExecutionId, url: Url = "", user: User = "") -> None:
    """End an execution that still goes."""
    with client(url, user) as jobs:
        print(_execution_line(jobs.cancel(number)))


def retry(
    number: ExecutionId,
    whole: Annotated[bool, typer.Option("--whole", help="All of it, not only what failed.")] = False,
    url: Url = "",
    user: User = "",
) -> None:
    """Begin an execution again that has ended."""
    with client(url, user) as jobs:
        print(jobs.retry(number, whole=whole).execution_id)


def queues(url: Url = "", user: User = "") -> None:
    """Show how the queues and the workers stand."""
    with client(url, user) as jobs:
        found = jobs.queues()
    for queue in found.queues:
        counts = ", ".join(f"{getattr(queue, name)} {name}" for name in ("pending", "active", "scheduled", "failed"))
        print(f"{queue.name} ({queue.weight} of 10): {counts}")
    print(f"workers: {found.workers.active} of {found.workers.total} busy")


def reports(
    download: Annotated[str, typer.Option(help="Id of a report: print a link to its file.")] = "",
    url: Url = "",
    user: User = "",
) -> None:
    """List reports, the newest first, or give a link to one's file that works for an hour."""
    with client(url, user) as jobs:
        if download:
            print(jobs.download(download).download_url)
            return
        for report in jobs.reports():
            print(f"{report.id}  {report.state}  {report.title}, {report.period_label}")


def remote_rows(url: str, user: str) -> list[Job]:
    """All jobs of an Airflow."""
    with client(url, user) as jobs:
        return list(jobs.jobs())


def line_of(job: Job) -> str:
    """A job in one line."""
    following = job.next_run_at.isoformat() if job.next_run_at else "by hand"
    schedule = job.schedule.cron_expression or job.schedule.summary or "no schedule"
    moved = f", set by {job.override.changed_by}" if job.override else ""
    paused = "" if job.is_enabled else "  paused"
    return f"{job.name}  [{job.queue}]  {schedule}{moved}; next {following}{paused}"


def _execution_line(found: Execution) -> str:
    took = "" if found.duration_seconds is None else f"  {found.duration_seconds:.1f} s"
    return f"{found.id}  {found.status}  {_text(found.scheduled_at)}{took}  {found.started_by}".rstrip()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


Scopes = Annotated[list[str], typer.Option("--scope", help="read, run, manage; may be given again.")]
Jobs = Annotated[list[str] | None, typer.Option("--job", help="Only this job; may be given again.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only jobs with this tag; may be given again.")]
TokenName = Annotated[str, typer.Argument(help="Name of the token.")]


@tokens.command("create")
def create_token(
    name: TokenName, scope: Scopes, job: Jobs = None, tag: Tags = None, url: Url = "", user: User = ""
) -> None:
    """Make a token. Its secret is printed, and stored nowhere."""
    with client(url, user) as jobs:
        print(jobs.make_token(name, scope, job or [], tag or []).secret)


@tokens.command("rotate")
def rotate_token(name: TokenName, url: Url = "", user: User = "") -> None:
    """Give a token a second key and print it. Both count until the old one is removed with `remove --key`."""
    with client(url, user) as jobs:
        print(jobs.add_token_key(name).secret)


@tokens.command("list")
def list_tokens(url: Url = "", user: User = "") -> None:
    """List the tokens."""
    with client(url, user) as jobs:
        for token in jobs.tokens():
            print(_token_line(token))


@tokens.command("remove")
def remove_token(
    name: TokenName,
    key: Annotated[str, typer.Option(help="Only this key.")] = "",
    url: Url = "",
    user: User = "",
) -> None:
    """Remove a token, or one of its keys. It counts no more at once."""
    with client(url, user) as jobs:
        if key:
            print(_token_line(jobs.remove_token_key(name, key)))
        else:
            jobs.remove_token(name)


def _token_line(token: Token) -> str:
    limits = ", ".join([*token.jobs, *(f"tag {tag}" for tag in token.tags)]) or "all jobs"
    keys = ", ".join(key.id for key in token.keys)
    return f"{token.name}  {' '.join(token.scopes)}  {limits}; keys {keys}; made by {token.created_by}"
