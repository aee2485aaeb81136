"""What becomes of triggers whose task was marked or cleared, on Airflow's real tables."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from airflow.models.callback import TriggererCallback
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.triggers.base import TriggerEvent
from airflow.utils.session import create_session
from sqlalchemy import delete, insert, select

from baton.airflow_internals.abandoned_triggers import SUCCESSORS, CarefulSupervisor
from baton.cronjobs.trigger import JobTrigger

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB, POD = SUCCESSORS
ARGUMENTS = {
    "request": {"body": {"metadata": {"name": "job", "namespace": "baton"}, "spec": {}}},
    "kubernetes_conn_id": "k8s",
    "uid": "1",
    "deferred_at": 0.0,
}


@pytest.fixture(scope="module")
def tables():
    """All of Airflow's tables, in the tests' scratch database."""
    from airflow import models, settings

    models.import_all_models()
    Trigger.metadata.create_all(settings.engine)
    with create_session() as session:
        session.execute(insert(DagBundleModel).values(name="b", active=True))
        session.add(DagModel(dag_id="d", bundle_name="b"))
        session.flush()
        session.add(DagRun(dag_id="d", run_id="r", run_type="manual", logical_date=NOW, run_after=NOW, state="running"))
    yield
    Trigger.metadata.drop_all(settings.engine)


@pytest.fixture
def supervisor(tables):
    """The triggerer's side of the database, without its child process."""
    yield object.__new__(CarefulSupervisor)
    with create_session() as session:
        for model in (TaskInstance, TriggererCallback, Trigger):
            session.execute(delete(model))


def deferred(state, classpath=JOB):
    """Store a task instance that waits for a trigger, and is in some state now."""
    with create_session() as session:
        trigger = Trigger(classpath, ARGUMENTS, queue="q")
        session.add(trigger)
        session.flush()
        row = {"dag_id": "d", "run_id": "r", "task_id": str(trigger.id), "map_index": -1, "pool": "p", "id": uuid4()}
        more = {"pool_slots": 1, "try_number": 1, "max_tries": 0, "trigger_id": trigger.id, "state": state}
        session.execute(insert(TaskInstance).values(**row, **more))
        return trigger.id


def stored():
    """The triggers that are there: class and queue by id."""
    with create_session() as session:
        return {trigger.id: (trigger.classpath, trigger.queue) for trigger in session.scalars(select(Trigger))}


@pytest.mark.parametrize("classpath", SUCCESSORS)
@pytest.mark.parametrize("state", ["failed", "success", "skipped", "upstream_failed", "removed", "scheduled"])
def test_trigger_of_a_marked_task_leaves_a_successor(supervisor, classpath, state):
    """Which Airflow runs, with the same arguments; once, however many triggerers there are."""
    abandoned = deferred(state, classpath)
    supervisor.clean_unused()
    supervisor.clean_unused()
    [(successor, described)] = stored().items()
    assert successor != abandoned
    assert described == (SUCCESSORS[classpath], "q")
    assert Trigger.fetch_trigger_ids_with_non_task_associations() == {successor}
    assert Trigger.bulk_fetch({successor})[successor].kwargs == ARGUMENTS


def test_trigger_of_a_waiting_task_is_left_alone(supervisor):
    """It is somebody's."""
    waiting = deferred("deferred")
    supervisor.clean_unused()
    assert stored() == {waiting: (JOB, "q")}


@pytest.mark.parametrize("fired", [True, False])
def test_other_triggers_go_as_they_went(supervisor, fired):
    """One of ours that has fired, and those of others."""
    if fired:
        Trigger.submit_event(deferred("deferred"), TriggerEvent("done"))
    else:
        deferred("failed", "somebody.else.Trigger")
    supervisor.clean_unused()
    assert stored() == {}


async def test_successor_ends_its_callback(supervisor, monkeypatch):
    """After it has deleted what was left, or has given up, it leaves nothing to do."""
    deferred("failed")
    supervisor.clean_unused()
    [successor] = stored()
    trigger = successor_of(successor)
    ended = []
    monkeypatch.setattr(JobTrigger, "end", lambda self: note(ended, self.uid))
    [event] = [event async for event in trigger.run()]
    Trigger.submit_event(successor, event)
    supervisor.clean_unused()
    assert ended == ["1"]
    assert stored() == {}


async def test_successor_that_cannot_end_it_says_so_and_ends(supervisor, monkeypatch, caplog):
    """It would be started again each second."""
    deferred("failed")
    supervisor.clean_unused()
    [successor] = stored()
    monkeypatch.setattr(JobTrigger, "end", lambda self: refuse())
    [event] = [event async for event in successor_of(successor).run()]
    Trigger.submit_event(successor, event)
    with create_session() as session:
        [callback] = session.scalars(select(TriggererCallback))
        assert (callback.state, callback.output) == ("failed", "PermissionError: no")
    assert "delete it" in caplog.text


def successor_of(trigger_id):
    from airflow._shared.module_loading import import_string

    row = Trigger.bulk_fetch({trigger_id})[trigger_id]
    return import_string(row.classpath)(**row.kwargs)


async def note(notes, value):
    notes.append(value)


async def refuse():
    raise PermissionError("no")
