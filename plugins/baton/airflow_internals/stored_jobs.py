"""All DAGs of an installation as jobs: what is stored of them, and how their runs went. Owes Airflow nothing outside.

Why not its REST API: a list of five hundred jobs would be five hundred questions, to the very process that answers.
What a stored DAG says is read once for each version of it, and kept by its hash.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import Integer, and_, case, extract, func, select, update
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredDag:
    """A DAG that is in service.

    :param summary: its schedule, as Airflow shows it.
    :param next_run_at: when its schedule starts it next; None where no clock does.
    :param fields: the serialised DAG: `timetable`, `params`, `tasks`, …
    """

    dag_id: str
    description: str
    is_paused: bool
    is_broken: bool
    tags: tuple[str, ...]
    summary: str
    next_run_at: datetime | None
    fields: Fields


class StoredDags:
    """Reads DAGs; what they are made of is kept by their hashes. Shared by threads."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Fields]] = {}
        self._lock = threading.Lock()

    def read(self, session: Session, dag_ids: Collection[str] | None = None) -> list[StoredDag]:
        """The DAGs in service, by their ids; None: all of them."""
        rows = session.execute(_dags(dag_ids)).all()
        tags = _tags(session, dag_ids)
        fields = self._fields(session, [row.dag_id for row in rows])
        return [
            StoredDag(
                row.dag_id,
                row.description or "",
                bool(row.is_paused),
                bool(row.has_import_errors),
                tuple(sorted(tags.get(row.dag_id, ()))),
                row.timetable_summary or "",
                plain(row.next_dagrun_create_after),
                fields[row.dag_id],
            )
            for row in rows
            if row.dag_id in fields
        ]

    def _fields(self, session: Session, dag_ids: Collection[str]) -> dict[str, Fields]:
        hashes = {dag_id: dag_hash for dag_id, dag_hash in session.execute(_hashes(dag_ids))}
        with self._lock:
            kept = {dag_id: found for dag_id, found in self._kept.items() if hashes.get(dag_id) == found[0]}
        missing = sorted(set(hashes) - set(kept))
        if missing:
            for stored in SerializedDagModel.get_latest_serialized_dags(dag_ids=missing, session=session):
                kept[stored.dag_id] = (stored.dag_hash, (stored.data or {}).get("dag", {}))
            with self._lock:
                self._kept.update({dag_id: kept[dag_id] for dag_id in missing if dag_id in kept})
        return {dag_id: fields for dag_id, (_, fields) in kept.items()}


def _dags(dag_ids: Collection[str] | None) -> Any:
    query = select(
        DagModel.dag_id,
        DagModel.description,
        DagModel.is_paused,
        DagModel.has_import_errors,
        DagModel.timetable_summary,
        DagModel.next_dagrun_create_after,
    )
    query = query.where(DagModel.is_stale.is_(False)).order_by(DagModel.dag_id)
    return query if dag_ids is None else query.where(DagModel.dag_id.in_(sorted(dag_ids)))


def _tags(session: Session, dag_ids: Collection[str] | None) -> dict[str, list[str]]:
    query = select(DagTag.dag_id, DagTag.name)
    if dag_ids is not None:
        query = query.where(DagTag.dag_id.in_(sorted(dag_ids)))
    found: dict[str, list[str]] = {}
    for dag_id, name in session.execute(query):
        found.setdefault(dag_id, []).append(name)
    return found


def _hashes(dag_ids: Collection[str]) -> Any:
    latest = (
        select(SerializedDagModel.dag_id, func.max(SerializedDagModel.created_at).label("at"))
        .where(SerializedDagModel.dag_id.in_(sorted(dag_ids)))
        .group_by(SerializedDagModel.dag_id)
        .subquery()
    )
    is_latest = and_(SerializedDagModel.dag_id == latest.c.dag_id, SerializedDagModel.created_at == latest.c.at)
    return select(SerializedDagModel.dag_id, SerializedDagModel.dag_hash).join(latest, is_latest)


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a DAG's run stands.

    :param number: its key in Airflow's table; a run that was made later has a higher one.
    """

    dag_id: str
    number: int
    state: str
    run_type: str
    run_after: datetime
    start: datetime | None
    end: datetime | None


def last_runs(session: Session, dag_ids: Collection[str], most: int) -> dict[str, list[LastRun]]:
    """The latest runs of DAGs, the newest first."""
    place = func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.id.desc())
    inner = select(
        DagRun.dag_id, DagRun.id, DagRun.state, DagRun.run_type, DagRun.run_after, DagRun.start_date, DagRun.end_date,
        place.label("place"),
    ).where(DagRun.dag_id.in_(sorted(dag_ids))).subquery()  # fmt: skip
    query = select(inner).where(inner.c.place <= most).order_by(inner.c.dag_id, inner.c.id.desc())
    found: dict[str, list[LastRun]] = {}
    for row in session.execute(query):
        moments = (_known(row.run_after), plain(row.start_date), plain(row.end_date))
        found.setdefault(row.dag_id, []).append(LastRun(row.dag_id, row.id, str(row.state), row.run_type, *moments))
    return found


def outcomes(session: Session, dag_ids: Collection[str], since: datetime) -> dict[str, tuple[int, int]]:
    """How many runs of each DAG have succeeded and failed since a moment."""
    query = select(DagRun.dag_id, DagRun.state, func.count()).where(
        DagRun.dag_id.in_(sorted(dag_ids)), DagRun.run_after >= since, DagRun.state.in_(("success", "failed"))
    )
    found: dict[str, list[int]] = {}
    for dag_id, state, count in session.execute(query.group_by(DagRun.dag_id, DagRun.state)):
        found.setdefault(dag_id, [0, 0])[str(state) != "success"] = count
    return {dag_id: (good, bad) for dag_id, (good, bad) in found.items()}


def set_paused(session: Session, dag_id: str, *, paused: bool) -> None:
    """Switch a DAG off or on."""
    session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=paused))


def ask_to_parse(session: Session, dag_id: str) -> None:
    """Let the DAG processor read the DAG's file before all others."""
    query = select(DagModel.bundle_name, DagModel.relative_fileloc).where(DagModel.dag_id == dag_id)
    row = session.execute(query).one_or_none()
    if row is None or not row.relative_fileloc:
        return
    wanted = DagPriorityParsingRequest(bundle_name=row.bundle_name, relative_fileloc=row.relative_fileloc)
    try:
        with session.begin_nested():
            session.add(wanted)
    except IntegrityError:  # somebody has asked for that file already
        pass


def tasks_by_queue(session: Session, since: datetime) -> Iterator[tuple[str, str, int]]:
    """Queue, state, and how many tasks stand so; ended ones only if they ended since a moment. No state: None as ""."""
    ended = TaskInstance.state.in_(("success", "failed", "skipped", "upstream_failed", "removed"))
    query = (
        select(TaskInstance.queue, TaskInstance.state, func.count())
        .join(TaskInstance.dag_run)
        .where(DagRun.state.in_(("queued", "running")) | (ended & (TaskInstance.end_date >= since)))
        .where(~ended | (TaskInstance.end_date >= since) | TaskInstance.state.is_(None))
        .group_by(TaskInstance.queue, TaskInstance.state)
    )
    for queue, state, count in session.execute(query):
        yield str(queue or ""), str(state or ""), count


def longest_wait(session: Session) -> Iterator[tuple[str, datetime]]:
    """Queue, and since when the task waits that has waited longest for a worker."""
    query = (
        select(TaskInstance.queue, func.min(TaskInstance.scheduled_dttm))
        .where(TaskInstance.state.in_(("scheduled", "queued")), TaskInstance.scheduled_dttm.is_not(None))
        .group_by(TaskInstance.queue)
    )
    for queue, moment in session.execute(query):
        yield str(queue or ""), _known(moment)


def waits_over_time(session: Session, since: datetime, step_seconds: int) -> Iterator[tuple[str, int, int, float]]:
    """Queue, begin of a span (seconds since 1970), how many tasks were started in it, how long they waited on average.

    :param step_seconds: length of the spans.
    """
    begin = func.cast(func.floor(extract("epoch", TaskInstance.start_date) / step_seconds), Integer) * step_seconds
    wait = extract("epoch", TaskInstance.start_date) - extract("epoch", TaskInstance.scheduled_dttm)
    query = (
        select(TaskInstance.queue, begin, func.count(), func.avg(wait))
        .where(TaskInstance.start_date >= since, TaskInstance.scheduled_dttm.is_not(None))
        .where(TaskInstance.start_date >= TaskInstance.scheduled_dttm)
        .group_by(TaskInstance.queue, begin)
        .order_by(begin)
    )
    for queue, at, count, seconds in session.execute(query):
        yield str(queue or ""), int(at), count, float(seconds)


def run_totals(session: Session, buckets: Collection[float]) -> Iterator[tuple[str, str, list[int], float]]:
    """DAG, state, how many ended runs took at most so long (the last: all), and how many seconds all took together."""
    took = extract("epoch", DagRun.end_date) - extract("epoch", DagRun.start_date)
    counts = [func.sum(case((took <= bucket, 1), else_=0)) for bucket in sorted(buckets)]
    query = (
        select(DagRun.dag_id, DagRun.state, *counts, func.count(), func.sum(took))
        .where(DagRun.state.in_(("success", "failed")), DagRun.end_date.is_not(None), DagRun.start_date.is_not(None))
        .group_by(DagRun.dag_id, DagRun.state)
    )
    for dag_id, state, *numbers, seconds in session.execute(query):
        yield dag_id, str(state), [int(number) for number in numbers], float(seconds or 0)


def retries(session: Session) -> Iterator[tuple[str, int, int]]:
    """Queue, how many tasks have begun, and how many tries these took beyond their first."""
    again = func.sum(case((TaskInstance.try_number > 1, TaskInstance.try_number - 1), else_=0))
    query = select(TaskInstance.queue, func.count(), again).where(TaskInstance.try_number > 0)
    for queue, count, more in session.execute(query.group_by(TaskInstance.queue)):
        yield str(queue or ""), count, int(more or 0)


def running_since(session: Session) -> Iterator[tuple[str, datetime]]:
    """DAG, and since when its oldest run that has begun and not ended runs."""
    query = select(DagRun.dag_id, func.min(DagRun.start_date)).where(
        DagRun.state == "running", DagRun.start_date.is_not(None)
    )
    for dag_id, start in session.execute(query.group_by(DagRun.dag_id)):
        yield dag_id, _known(start)


def plain(moment: datetime | None) -> datetime | None:
    """In UTC, and without pendulum, whose durations are not Python's."""
    return None if moment is None else _known(moment)


def _known(moment: Any) -> datetime:
    return datetime.fromtimestamp(moment.timestamp(), UTC)
