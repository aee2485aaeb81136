"""Triggers whose task was marked, cleared or cancelled, and that therefore will never run again.

Airflow tells a trigger that runs (`on_kill`). It tells nobody where none runs: in the moment after the deferral, while
a triggerer is restarted, or when the triggerer dies in the middle of `on_kill`; the row of the trigger is deleted then,
and what the task started in the cluster would run on for nobody. Here such a row is handed over before it is deleted:
to a trigger of Airflow's table of callbacks, which any triggerer runs, now or when there is one again. Switched on with
the setting `careful_triggerer`; without it nothing is changed.

Violated when an upgrade of Airflow renames what is overridden here: a test runs it on the real tables and fails then.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from airflow.models.callback import TriggererCallback
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import get_dialect_name
from airflow.utils.state import CallbackState, TaskInstanceState
from sqlalchemy import select, update
from sqlalchemy.exc import InternalError, OperationalError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

SUCCESSORS = {
    "baton.cronjobs.trigger.JobTrigger": "baton.cronjobs.trigger.JobEnding",
    "baton.workloads.trigger.WorkloadTrigger": "baton.workloads.trigger.WorkloadEnding",
}
"""Trigger → what ends the same thing, with the same arguments."""


class CarefulSupervisor(TriggerRunnerSupervisor):
    """The triggerer's side of the database, which deletes no trigger of ours before it is known what it leaves."""

    def clean_unused(self) -> None:
        """Delete the rows of triggers that nothing waits for.

        Both steps see the tables as they were at one moment: a task that is marked between them would lose its
        trigger to the second one, unseen by the first.
        """
        try:
            with create_session() as session:
                see_one_moment(session)
                hand_over(session)
                Trigger.clean_unused(session=session)
        except (OperationalError, InternalError) as err:  # somebody changed a row meanwhile; it is there a second later
            log.info("Unused triggers are left to the next look: %s", str(err.orig).partition("\n")[0])
        except Exception:  # the stock part has to go on: without it no task of anybody is resumed
            log.exception("What tasks left in the cluster could not be handed over")
            super().clean_unused()


def see_one_moment(session: Session) -> None:
    """Let all statements of this transaction see the same rows; SQLite's always do."""
    if get_dialect_name(session) != "sqlite":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def hand_over(session: Session) -> None:
    """Give each abandoned trigger a successor.

    A trigger that has fired is no task instance's any more; one that is still named by a task instance which is not
    deferred was abandoned.
    """
    abandoned = (
        select(Trigger)
        .join(TaskInstance, TaskInstance.trigger_id == Trigger.id)
        .where(Trigger.classpath.in_(SUCCESSORS), TaskInstance.state != TaskInstanceState.DEFERRED)
        .with_for_update(of=Trigger)
    )
    for trigger in session.scalars(abandoned):
        session.add(_callback(trigger))
        session.execute(update(TaskInstance).where(TaskInstance.trigger_id == trigger.id).values(trigger_id=None))
    session.flush()  # Airflow's sessions do not by themselves, and SQLite gives a deleted row's id to the next one


@dataclass
class _Definition:
    """What Airflow asks of a callback. The arguments are the trigger's: there they are encrypted."""

    path: str
    kwargs: dict[str, Any] = field(default_factory=dict)

    def serialize(self) -> dict[str, Any]:
        return asdict(self)


def _callback(trigger: Trigger) -> TriggererCallback:
    """Build the row that keeps the successor. The arguments stay encrypted as they are."""
    successor = Trigger(SUCCESSORS[trigger.classpath], {}, queue=trigger.queue, team_name=trigger.team_name)
    successor.encrypted_kwargs = trigger.encrypted_kwargs
    callback = TriggererCallback(_Definition(successor.classpath))
    callback.trigger = successor
    callback.state = CallbackState.QUEUED
    return callback
