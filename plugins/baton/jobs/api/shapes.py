"""What the API takes and gives. The server answers with these, the client reads them, OpenAPI is made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

TEXT = r"^[^\x00]*$"
"""What a database takes for a text."""


def _zulu(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(_zulu, when_used="json")]
"""UTC, as `2026-01-13T06:00:00Z`."""


class Shape(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answered(Shape):
    """An object that a server gives: a newer one may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Status(StrEnum):
    """How an execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Problem(Answered):
    """What is wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = Field(default_factory=list, description="Which fields, where it is the body")


class Schedule(Answered):
    """When a clock starts a job; the one that counts now."""

    cron_expression: str | None = None
    every_seconds: int | None = None
    run_at: Moment | None = None
    timezone: str | None = None
    summary: str = Field("", description="As Airflow shows it; assets too")


class Override(Answered):
    """A schedule that was set by the API, and wins over the job's file until it is reset."""

    cron_expression: str | None = None
    every_seconds: int | None = None
    timezone: str
    changed_by: str
    changed_at: Moment


class RecentRun(Answered):
    """One of the last runs, for a small picture."""

    execution_id: str
    status: Status
    duration_seconds: float | None = None


class Job(Answered):
    """A job: a job file, a CronJob or a Python DAG."""

    id: str
    name: str
    description: str = ""
    job_type: str = Field(description="report, cronjob, backup, etl, function, incident, maintenance, job or dag")
    cron_expression: str | None = Field(None, description="Null where no cron expression starts it")
    timezone: str | None = None
    schedule: Schedule
    override: Override | None = None
    is_enabled: bool
    is_broken: bool = Field(False, description="Its file has import errors")
    queue: str
    tags: list[str]
    next_run_at: Moment | None = None
    next_runs: list[Moment] = Field(default_factory=list, description="The next five")
    last_run_status: Status | None = None
    last_run_at: Moment | None = None
    recent_runs: list[RecentRun] = Field(default_factory=list, description="The newest first")
    success_rate: float | None = Field(None, description="Of the runs of the last seven days, 0 to 1; null without any")
    input_schema: dict[str, Any] = Field(description="JSON schema of what a run may be given")
    steps: list[str] = Field(default_factory=list)
    timeout_seconds: float | None = None
    links: dict[str, str] = Field(default_factory=dict)
    may: list[str] = Field(default_factory=list, description="What the caller may do: run, cancel, manage")


class JobPage(Answered):
    """Some jobs, by their names."""

    data: list[Job]
    next_cursor: str | None = None
    total: int = Field(description="That fit the filters")


class RunInput(Shape):
    """What a run is given."""

    input: dict[str, Any] = Field(default_factory=dict, description="Fits the job's input_schema")


class Started(Answered):
    """A run that was asked for."""

    id: str
    job_id: str
    execution_id: str
    status: Status
    scheduled_at: Moment


class NewSchedule(Shape):
    """A schedule for a job; either of the first two."""

    cron_expression: str | None = Field(None, max_length=200, pattern=TEXT, examples=["0 7 * * *"])
    every: str | None = Field(None, max_length=40, pattern=TEXT, examples=["30m"], description="Multiples since 1970")
    timezone: str | None = Field(None, max_length=100, pattern=TEXT, examples=["America/Los_Angeles"])
    dry_run: bool = Field(False, description="Only say when it would run")


class Scheduled(Answered):
    """A job's schedule, as it will be within a minute."""

    job_id: str
    cron_expression: str | None = None
    every_seconds: int | None = None
    timezone: str | None = None
    override: Override | None = None
    next_runs: list[Moment]


class Step(Answered):
    """A step of an execution: of a job file's, or a task."""

    name: str
    task_id: str
    status: str
    attempts: int = 0
    started_at: Moment | None = None
    ended_at: Moment | None = None
    duration_seconds: float | None = None
    message: str = ""
    item: int | None = Field(None, description="Where a task is run for each item: which")


class Attempt(Answered):
    """A try of a task."""

    task_id: str
    number: int
    status: str
    queue: str
    started_at: Moment | None = None
    ended_at: Moment | None = None
    duration_seconds: float | None = None
    item: int | None = None


class LogTail(Answered):
    """The end of a task's log: of the task that failed, else of the last that ran."""

    task_id: str
    attempt: int
    lines: list[str]


class Execution(Answered):
    """One run of a job."""

    id: str
    job_id: str
    execution_id: str
    run_id: str = Field(description="Airflow's name of it")
    status: Status
    trigger: str = Field(description="scheduled, manual, backfill, asset_triggered …")
    started_by: str = ""
    input: dict[str, Any] = Field(default_factory=dict)
    scheduled_at: Moment
    started_at: Moment | None = None
    ended_at: Moment | None = None
    duration_seconds: float | None = None
    links: dict[str, str] = Field(default_factory=dict)


class ExecutionDetail(Execution):
    """With its steps."""

    steps: list[Step]
    attempts: list[Attempt]
    log_tail: LogTail | None = None


class ExecutionPage(Answered):
    """Some executions of a job, the newest first."""

    data: list[Execution]
    next_cursor: str | None = None


class Retry(Shape):
    """How an execution begins again."""

    mode: str = Field("failed_steps", pattern="^(failed_steps|whole)$", description="failed_steps or whole")


class ReportFile(Answered):
    """A form of a report."""

    kind: str
    content_type: str
    size_bytes: int | None = None


class ReportDelivery(Answered):
    """To whom it went."""

    channel: str
    state: str
    attempts: int
    note: str | None = None


class Report(Answered):
    """A report that was made."""

    id: str
    name: str
    title: str
    period: str
    period_label: str
    state: str
    recipients: dict[str, list[str]]
    files: list[ReportFile]
    deliveries: list[ReportDelivery]
    rendered_at: Moment
    job_id: str | None = None
    execution_id: str | None = None
    links: dict[str, str] = Field(default_factory=dict)


class ReportPage(Answered):
    """Some reports, the newest first."""

    data: list[Report]
    next_cursor: str | None = None


class Download(Answered):
    """An address that anybody may open until it expires; treat it as a secret."""

    download_url: str
    expires_at: Moment


class QueueStatus(Answered):
    """How a queue stands. What has ended counts for a day."""

    name: str
    weight: int = Field(description="Of the workers, in tenths")
    pending: int = Field(description="Ready, and without a worker yet")
    active: int = Field(description="On a worker")
    completed: int
    failed: int
    scheduled: int = Field(description="To come: waits for others, for a retry, or for something elsewhere")
    longest_wait_seconds: float = 0


class Workers(Answered):
    """Places for tasks."""

    total: int
    active: int
    idle: int


class WaitingTime(Answered):
    """What the tasks of a queue waited that were started in a span."""

    queue: str
    at: Moment
    started: int
    average_seconds: float


class QueuesStatus(Answered):
    """All queues."""

    queues: list[QueueStatus]
    workers: Workers
    waiting: list[WaitingTime] = Field(default_factory=list, description="Of the last day, in spans of half an hour")


class NewToken(Shape):
    """A token for a program."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$")
    scopes: list[str] = Field(min_length=1, max_length=3, description="read, run, manage")
    jobs: list[str] = Field(default_factory=list, max_length=200, description="Only these; empty with no tags: all")
    tags: list[str] = Field(default_factory=list, max_length=200, description="And those with one of these tags")


class TokenKey(Answered):
    """One of a token's keys, without its secret."""

    id: str
    created_at: Moment


class Token(Answered):
    """A token, without its secrets."""

    name: str
    scopes: list[str]
    jobs: list[str]
    tags: list[str]
    keys: list[TokenKey]
    created_by: str
    created_at: Moment


class TokenMade(Token):
    """A token with a new key. The secret is shown this once."""

    secret: str


class TokenList(Answered):
    """All tokens."""

    data: list[Token]
