"""The kinds of steps. The key that names a kind also holds what it is about: `query: SELECT …`, `send: mail`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from baton.jobs.model.words import Duration, Reacting, Reaction, ResultName

ABORT = Reaction("abort")
Values = dict[str, Any]
"""Names and values; texts in them may hold expressions."""
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(csv|json|txt)$")]
Sql = Annotated[str, Field(min_length=1, description="SQL with `:name` for each value; no expressions")]


class _Step(BaseModel):
    """What every step may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: ResultName | None = Field(None, description="What the step is called; default: `as`, else its kind and place")
    result: ResultName | None = Field(None, alias="as", description="Name by which later steps know what it gives")
    timeout: Duration | None = Field(None, description="The step's own limit")
    on_fail: Reacting = Field(ABORT, description="abort: the job fails; skip: it ends here; continue: it goes on")


class QueryStep(_Step):
    """Read rows from a database."""

    query: Sql
    connection: str = Field(description="Airflow connection of the database")
    values: Values = Field(default_factory=dict, alias="with", description="Values for the names in the SQL")
    max_rows: int = Field(10_000, ge=1, le=1_000_000, description="More rows fail the step")
    max_bytes: int = Field(16 << 20, ge=1, le=1 << 30, description="A larger result, as JSON, fails the step")
    on_empty: Reacting = Field(Reaction("continue"), description="What follows when there are no rows")


class ActionStep(_Step):
    """Change rows in a database, in one transaction."""

    action: Sql
    connection: str = Field(description="Airflow connection of the database")
    values: Values = Field(default_factory=dict, alias="with", description="Values for the names in the SQL")
    at_most: int = Field(10_000, ge=0, description="If it would change more rows, nothing is changed and it fails")
    dry_run: bool = Field(False, description="Say how many rows it would change, and change nothing")
    repeatable: bool = Field(
        False, description="Whether changing twice is as good as once; asked only where the database is no PostgreSQL"
    )


class CallStep(_Step):
    """Call an operation of an HTTP API, with the credentials of its connection."""

    call: str = Field(
        pattern=r"^(GET|HEAD|POST|PUT|PATCH|DELETE) /[^\s?#]*$",
        description="Method and path; `{name}` in it is filled from `path`",
    )
    connection: str = Field(description="Airflow connection of type http")
    path: Values = Field(default_factory=dict, description="Values of the names in the path; each is one segment of it")
    params: Values = Field(default_factory=dict, description="Query parameters; empty ones are left out")
    body: Any = Field(None, description="JSON to send")
    items: str | None = Field(None, description="Field of the answer with the items; the answer itself by default")
    next: str | None = Field(
        None, description="Field of the answer with the next page's cursor, sent as this parameter"
    )
    cursor: str = Field("cursor", description="Parameter that carries the cursor")
    max_pages: int = Field(100, ge=1, le=10_000, description="More pages fail the step")
    repeatable: bool | None = Field(
        None,
        description="Whether the same call may arrive twice; default: not for POST and PATCH. True where the other "
        "side knows Idempotency-Key",
    )


class SendStep(_Step):
    """Send a message, once."""

    send: Literal["mail", "slack", "webhook"]
    to: list[str] = Field(default_factory=list, description="Addresses, or channels; mail: the connection's by default")
    subject: str = Field("", description="Subject of a mail")
    text: str = Field(min_length=1, description="What it says; may hold expressions")
    attach: dict[FileName, Any] = Field(
        default_factory=dict, description="Of a mail: name of a file (.csv, .json, .txt) → expression for what is in it"
    )
    connection: str | None = Field(None, description="Airflow connection: of a webhook; of mail, default smtp_default")
    when: str = Field("true", description="Expression: nothing is sent where it is false or empty")


class FunctionStep(_Step):
    """Call a function (OpenFaaS, Knative, Lambda, any HTTP gateway) with the function operator."""

    function: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Its name at the gateway")
    payload: Any = Field(None, description="JSON for it")
    connection: str = Field("functions_default", description="Airflow connection of the gateway")
    mode: Literal["synchronous", "callback", "polling", "forget"] = Field(
        "synchronous", description="How its answer comes"
    )
    repeatable: bool = Field(True, description="Whether it knows the idempotency key, or may run twice")


class WorkloadStep(_Step):
    """Run a command of `baton_workloads` in a pod."""

    workload: list[str] = Field(
        min_length=1, description="Its words, `[maintenance, vacuum]`; each reaches the program as one argument"
    )
    secrets: list[str] = Field(default_factory=list, description="Kubernetes Secrets whose keys become variables")
    size: Literal["small", "medium", "large"] = Field("small", description="Requests and limit of memory")
    pool: str | None = Field(None, description="Airflow pool; default: pods")


class TemplateStep(_Step):
    """Run a Kubernetes Job from one of the installation's named templates, verbatim."""

    job: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Name of the template")


class ReportStep(_Step):
    """Render a report of the catalogue in a pod: page, PDF, mail, Slack message and charts at once."""

    report: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Its name, such as daily_sales")
    key: str = Field("{{ run.day }}", description="The day, or the moment, that it is about")
    hours: int = Field(24, ge=1, description="How far a report on a moment looks back")
    pool: str | None = Field(None, description="Airflow pool; default: pods")


class DeliverStep(_Step):
    """Send a rendered report by mail and to Slack, once to each recipient that `recipients.yaml` names."""

    deliver: str = Field(description="Name (`as`) of the report step")
    skip_empty: bool = Field(False, description="A report that has nothing to tell is not sent, and the job ends")


class ForEachStep(_Step):
    """Do a step for each item of a list, each once, also after a kill."""

    for_each: str = Field(min_length=1, description="Expression: the items. The step knows `item`")
    parallel: int = Field(1, ge=1, le=50, description="How many at the same time")
    do: Annotated[
        Annotated[ActionStep, Tag("action")] | Annotated[CallStep, Tag("call")] | Annotated[SendStep, Tag("send")],
        Discriminator(
            lambda step: kind_of(step), custom_error_type="no_kind", custom_error_message="one of action, call, send"
        ),
    ] = Field(description="An action, a call or a send; its `on_fail: continue` goes on with the other items")


KINDS: dict[str, type[_Step]] = {
    "query": QueryStep,
    "action": ActionStep,
    "call": CallStep,
    "send": SendStep,
    "function": FunctionStep,
    "workload": WorkloadStep,
    "job": TemplateStep,
    "report": ReportStep,
    "deliver": DeliverStep,
    "for_each": ForEachStep,
}
"""Key → kind of step."""

ELSEWHERE = (FunctionStep, WorkloadStep, TemplateStep, ReportStep, DeliverStep)
"""Kinds that an operator of their own runs, as a task of their own: they start something and wait for it."""


def kind_of(step: Any) -> str | None:
    """The kind of a step, by the first key that names one."""
    if isinstance(step, dict):
        return next((str(key) for key in step if key in KINDS), None)
    return next((kind for kind, model in KINDS.items() if isinstance(step, model)), None)


Step = Annotated[
    Annotated[QueryStep, Tag("query")]
    | Annotated[ActionStep, Tag("action")]
    | Annotated[CallStep, Tag("call")]
    | Annotated[SendStep, Tag("send")]
    | Annotated[FunctionStep, Tag("function")]
    | Annotated[WorkloadStep, Tag("workload")]
    | Annotated[TemplateStep, Tag("job")]
    | Annotated[ReportStep, Tag("report")]
    | Annotated[DeliverStep, Tag("deliver")]
    | Annotated[ForEachStep, Tag("for_each")],
    Discriminator(kind_of, custom_error_type="no_kind", custom_error_message="a step has one of " + ", ".join(KINDS)),
]
