"""The parts of Airflow's answers that the watch reads: an answer of another form is not Airflow's.

Source: Airflow 3.3's REST API reference, ``/api/v2``.
"""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

Row = TypeVar("Row", bound=BaseModel)


class Token(BaseModel):
    """The answer to a login; what it gives has to fit into a header."""

    access_token: Annotated[str, StringConstraints(pattern=r"^[!-~]+$")]


class Part(BaseModel):
    """One component."""

    status: str | None


class Health(BaseModel):
    """All components; only the first two are always in use."""

    metadatabase: Part
    scheduler: Part
    triggerer: Part | None = None
    dag_processor: Part | None = None


class Page(BaseModel, Generic[Row]):
    """Some rows of a list."""

    rows: list[Row]


class Run(BaseModel):
    """A run that has ended, as its filter asks."""

    dag_id: str
    dag_run_id: str
    state: str
    end_date: AwareDatetime


class Runs(Page[Run]):
    """Runs."""

    rows: list[Run] = Field(alias="dag_runs")


class Count(BaseModel):
    """How long a list is, whatever is in it."""

    total_entries: int


class Task(BaseModel):
    """A task that has failed."""

    task_id: str
    map_index: int
    try_number: int


class Tasks(Page[Task]):
    """Tasks."""

    rows: list[Task] = Field(alias="task_instances")


class Dag(BaseModel):
    """A DAG."""

    dag_id: str
    is_stale: bool
    next_dagrun_run_after: AwareDatetime | None = None
    max_active_runs: int | None = None


class Dags(Page[Dag]):
    """DAGs."""

    rows: list[Dag] = Field(alias="dags")


class Details(BaseModel):
    """A DAG's details."""

    dag_id: str
    doc_md: str | None = None


class BrokenFile(BaseModel):
    """A DAG file that cannot be read."""

    filename: str
    stack_trace: str


class ImportErrors(Page[BrokenFile]):
    """DAG files that cannot be read."""

    rows: list[BrokenFile] = Field(alias="import_errors")


class AlertSwitch(BaseModel):
    """A switch that is off; no route: all of them."""

    route: str
    by: str
    at: AwareDatetime
    until: str = ""


class RefusedPosts(BaseModel):
    """Posts of alerts of which nothing was decided; no sender: nobody that is known."""

    sender: str
    endpoint: str
    status: int
    reason: str


class AlertReceiver(BaseModel):
    """How Baton's receiver of alerts is; an Airflow without it says nothing of this."""

    problem: str = ""
    senders_problem: str = ""
    off: list[AlertSwitch] = []
    refused: list[RefusedPosts] = []
