"""A job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from baton.jobs.model.steps import Step, kind_of
from baton.jobs.model.words import AssetNames, Duration, JobName, Outcomes, Retry, Retrying
from baton.queues import Queue
from kubernetes_cron import ScheduleError, TimeZoneError, load_zone, parse

SHORTEST_INTERVAL = timedelta(seconds=10)


def _moment(value: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as err:
        raise ValueError(f"{str(value)[:40]!r} is no moment such as 2026-01-15T10:00:00Z") from err
    if found.tzinfo is None:
        raise ValueError(f"{str(value)[:40]!r} has no time zone: add Z, or an offset such as +01:00")
    return found.astimezone(UTC)


def _zone(name: str) -> str:
    try:
        load_zone(name)
    except TimeZoneError as err:
        raise ValueError(str(err)) from err
    return name


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Zone = Annotated[str, AfterValidator(_zone)]


class Job(BaseModel):
    """One job, as a file says it."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Job")

    name: JobName = Field(description="Also the id of its DAG; unique among all DAGs")
    description: str = Field("", description="What it is for, in a sentence")
    cron: str | None = Field(None, description="Five fields, or @daily and the like, as a Kubernetes CronJob has them")
    every: Duration | None = Field(
        None, description="An interval: 30m, 4h, 90s; ticks are its multiples since 1970, UTC"
    )
    run_at: Moment | None = Field(None, description="One moment, with its zone")
    after: AssetNames = Field((), description="Events that start it, such as another job's emit(Event); one or a list")
    deadline: Duration | None = Field(
        None,
        description="How late a run may start, after a standstill; what is later is left out. Default: of what was "
        "missed the latest runs, as with a CronJob; `run_at` may be an hour late",
    )
    timezone: Zone | None = Field(None, description="Zone of `cron` and of the run's day; default: the installation's")
    queue: Queue = Field(Queue.DEFAULT, description="critical, default and low share the workers 60 / 30 / 10")
    timeout: Duration = Field(timedelta(minutes=30), description="Limit of the whole job")
    retry: Retrying = Field(Retry(), description="Further tries of a step after an error that may pass")
    retry_delays: list[Duration] = Field(default_factory=list, description="Waits between tries, one for each")
    concurrency: Literal["Allow", "Forbid", "Replace"] = Field("Forbid", description="As a CronJob's concurrencyPolicy")
    input: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="What a run by hand may be given: name → JSON schema, with its default"
    )
    steps: list[Step] = Field(min_length=1, max_length=100, description="What it does, in order")
    on_complete: Outcomes = Field((), description="emit(Event), notify(mail), notify(slack:#channel)")
    on_fail: Outcomes = Field((), description="The same, when it has failed")
    tags: list[str] = Field(default_factory=list, description="Tags of the DAG")

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_schedule()
        if self.retry_delays and len(self.retry_delays) != self.retry.times:
            raise ValueError(f"retry says {self.retry.times} times, retry_delays has {len(self.retry_delays)} waits")
        if self.retry_delays and self.retry.backs_off:
            raise ValueError("retry_delays and exponential_backoff are two answers to one question: leave one out")
        if self.is_scheduled and (missing := [name for name, schema in self.input.items() if "default" not in schema]):
            raise ValueError(f"input: nobody gives {missing[0]} to a scheduled run: give it a default")
        seen: set[str] = set()
        for name in self.step_names():
            if name in seen:
                raise ValueError(f"two steps are called {name}: give one another `name`")
            seen.add(name)
        return self

    def _check_schedule(self) -> None:
        given = [name for name in ("cron", "every", "run_at", "after") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: a job has one schedule")
        if self.every is not None and self.every < SHORTEST_INTERVAL:
            raise ValueError("every: the shortest interval is 10s")
        if self.cron is not None:
            try:
                parse(self.cron, self.timezone or "UTC")
            except ScheduleError as err:
                raise ValueError(f"cron: {err}") from err

    @property
    def is_scheduled(self) -> bool:
        """Whether it starts without a person."""
        return any((self.cron, self.every, self.run_at, self.after))

    def step_names(self) -> list[str]:
        """What the steps are called, in order; no two the same."""
        return [step.name or step.result or f"{kind_of(step)}_{number}" for number, step in enumerate(self.steps, 1)]

    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of what a run by hand may be given."""
        required = [name for name, schema in self.input.items() if "default" not in schema]
        properties = {"type": "object", "properties": self.input, "additionalProperties": False}
        return {**properties, **({"required": required} if required else {})}
