"""DAG runs that alerts and the jobs API start, made inside the caller's own transaction.

Why not Airflow's REST API: a decision and its run have to be stored together or not at all, and in one transaction a
kill between the two cannot happen. So what that API does around a new run is done here as well: stale and broken DAGs
are refused, parameters are checked, and the audit log gets its row.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.log import Log
from airflow.models.task_state_store import TaskStateStoreModel
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete, select, tuple_
from sqlalchemy.exc import IntegrityError

from baton.exceptions import PermanentError

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy.orm import Session

_ACTIVE = (DagRunState.QUEUED, DagRunState.RUNNING)
_NOTE_LENGTH = 1000
_BAG = DBDagBag()
"""Keeps DAGs that were read, and reads them again when they change. Shared by threads: at worst one is read twice."""


class TargetError(PermanentError):
    """The DAG cannot be run now: it is missing, out of date, broken or paused. May change by itself."""


class RefusedError(PermanentError):
    """The DAG does not take such a run."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to be made.

    :param run_after: the scheduler starts it then at the earliest.
    :param by: name of the sender, for the audit log.
    """

    dag_id: str
    run_id: str
    conf: dict[str, Any]
    run_after: datetime
    by: str


class Runs:
    """Makes and changes runs within one transaction.

    :param room: who does it, for the audit log and Airflow's UI: `alerts: NAME`.
    """

    def __init__(self, session: Session, room: str = "alerts") -> None:
        self._session, self._room = session, room
        self._targets: dict[str, SerializedDAG | TargetError] = {}

    def check(self, dag_id: str) -> SerializedDAG:
        """The DAG, if it can run now.

        :raises TargetError: it cannot; what to do is in the message.
        """
        if dag_id not in self._targets:
            try:
                self._targets[dag_id] = self._runnable(dag_id)
            except TargetError as err:
                self._targets[dag_id] = err
        found = self._targets[dag_id]
        if isinstance(found, TargetError):
            raise found
        return found

    def is_runnable(self, dag_id: str) -> bool:
        """Whether a run could be made now."""
        try:
            self.check(dag_id)
        except TargetError:
            return False
        return True

    def knows(self, dag_id: str) -> bool:
        """Whether there is such a DAG, or was one."""
        return self._session.scalar(select(DagModel.dag_id).where(DagModel.dag_id == dag_id)) is not None

    def _runnable(self, dag_id: str) -> SerializedDAG:
        model = self._session.scalar(select(DagModel).where(DagModel.dag_id == dag_id))
        if model is None or model.is_stale:
            raise TargetError(f"there is no DAG {dag_id}: is its file there, and does it import?")
        if model.has_import_errors:
            raise TargetError(f"the file of DAG {dag_id} has import errors: fix it, see Airflow's list of them")
        if model.is_paused:
            raise TargetError(f"DAG {dag_id} is paused: switch it on")
        if model.allowed_run_types is not None and DagRunType.MANUAL not in model.allowed_run_types:
            raise TargetError(f"DAG {dag_id} does not allow manual runs")
        version = DagVersion.get_latest_version(dag_id, session=self._session)
        dag = _BAG.get_dag(version.id, self._session) if version else None
        if dag is None:
            raise TargetError(f"DAG {dag_id} is not stored yet: it is a moment too early, or its file does not import")
        return dag

    def make(self, wanted: RunRequest) -> bool:
        """Make a run; returns False if it is there already, by Airflow's own unique constraint.

        :raises TargetError: the DAG cannot run now.
        :raises RefusedError: the DAG's params do not accept the conf.
        """
        dag = self.check(wanted.dag_id)
        try:
            with self._session.begin_nested():
                self._create(dag, wanted)
        except IntegrityError:
            return False
        except (ParamValidationError, ValueError) as err:
            raise RefusedError(f"DAG {wanted.dag_id} refuses the run: {str(err)[:300]}") from err
        return True

    def _create(self, dag: SerializedDAG, wanted: RunRequest) -> None:
        dag.create_dagrun(
            run_id=wanted.run_id,
            run_after=wanted.run_after,
            conf=wanted.conf,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=f"{self._room}: {wanted.by}",
            state=DagRunState.QUEUED,
            session=self._session,
        )
        self._log("trigger_dag_run", wanted.dag_id, wanted.run_id, wanted.by)
        self._session.flush()

    def _log(self, event: str, dag_id: str, run_id: str, by: str) -> None:
        extra = json.dumps({"sender": by})
        self._session.add(Log(event, owner=f"{self._room}: {by}", extra=extra, dag_id=dag_id, run_id=run_id))

    def states(self, runs: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The states of runs, by DAG and run id; of those that are there."""
        if not runs:
            return {}
        query = select(DagRun.dag_id, DagRun.run_id, DagRun.state)
        query = query.where(tuple_(DagRun.dag_id, DagRun.run_id).in_(sorted(runs)))
        return {(dag_id, run_id): str(state) for dag_id, run_id, state in self._session.execute(query)}

    def waits(self, dag_id: str, run_id: str, now: datetime) -> bool:
        """Whether a storm's run still gathers alerts."""
        query = select(DagRun.state, DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        found = self._session.execute(query).one_or_none()
        return found is not None and found.state == DagRunState.QUEUED and found.run_after > now

    def name_others(self, dag_id: str, run_id: str, others: list[dict[str, Any]], now: datetime, most: int) -> None:
        """Add alerts to the conf of a storm's run, as long as that run waits, and names fewer than `most`."""
        query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id).with_for_update()
        run = self._session.scalar(query.execution_options(populate_existing=True))
        if run is None or run.state != DagRunState.QUEUED or run.run_after <= now:
            return
        conf = dict(run.conf or {})
        named = list(conf.get("others") or [])
        conf["others"] = [*named, *others][:most]
        run.conf = conf
        self._session.flush()

    def cancel(self, dag_id: str, run_id: str, by: str) -> bool:
        """End a run that still goes, as a person would mark it failed; returns whether it still went."""
        from airflow.api.common.mark_tasks import set_dag_run_state_to_failed

        run = self._active(dag_id, run_id)
        dag = _BAG.get_dag_for_run(run, self._session) if run else None
        if run is None or dag is None:
            return False
        with self._session.begin_nested():  # ended as a whole, or not at all
            set_dag_run_state_to_failed(dag=dag, run_id=run_id, commit=True, session=self._session)
            self._log("patch_dag_run", dag_id, run_id, by)
        return True

    def begin_again(self, dag_id: str, run_id: str, by: str, *, only_failed: bool) -> bool:
        """Let a run that has ended go on: with its failed tasks, or with all of them as if none had run.

        :returns: False where there is no such run that has ended, or nothing of it has failed.
        """
        query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id).with_for_update()
        run = self._session.scalar(query.where(DagRun.state.not_in(_ACTIVE)))
        dag = _BAG.get_dag_for_run(run, self._session) if run else None
        if run is None or dag is None:
            return False
        with self._session.begin_nested():
            if not only_failed:  # what the tasks remember would let them pass over what they have done
                self._session.execute(delete(TaskStateStoreModel).where(TaskStateStoreModel.dag_run_id == run.id))
            cleared = dag.clear(run_id=run_id, only_failed=only_failed, session=self._session)
            if cleared:
                self._log("clear_dag_run", dag_id, run_id, by)
        return bool(cleared)

    def _active(self, dag_id: str, run_id: str) -> DagRun | None:
        query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun.state.in_(_ACTIVE))
        return self._session.scalar(query)

    def note(self, dag_id: str, run_id: str, text: str) -> bool:
        """Add a line to a run's note; returns False if there is no such run any more."""
        query = select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        if (number := self._session.scalar(query)) is None:
            return False
        note = self._session.get(DagRunNote, number, with_for_update=True)
        if note is None:
            note = DagRunNote(content="")  # type: ignore[no-untyped-call]
            note.dag_run_id = number
            self._session.add(note)
        note.content = f"{note.content or ''}\n{text}".strip()[-_NOTE_LENGTH:]
        note.updated_at = datetime.now(UTC)
        self._session.flush()
        return True
