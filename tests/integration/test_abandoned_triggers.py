"""A task that is marked in the middle of the triggerer's look at its tables, on a real PostgreSQL."""

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from airflow import models, settings
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import scoped_session, sessionmaker

from baton.airflow_internals import abandoned_triggers
from baton.airflow_internals.abandoned_triggers import SUCCESSORS, CarefulSupervisor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = next(iter(SUCCESSORS))


@pytest.fixture
def airflow_database(database, monkeypatch):
    """All of Airflow's tables, with a task that waits for a trigger of ours; gives the address."""
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    monkeypatch.setattr(settings, "Session", scoped_session(sessionmaker(engine, expire_on_commit=False)))
    models.import_all_models()
    Trigger.metadata.create_all(engine)
    run = {"dag_id": "d", "run_id": "r"}
    with create_session() as session:
        session.execute(insert(DagBundleModel).values(name="b", active=True))
        session.add(DagModel(dag_id="d", bundle_name="b"))
        trigger = Trigger(JOB, {"uid": "1"})
        session.add(trigger)
        session.flush()
        session.add(DagRun(**run, run_type="manual", logical_date=NOW, run_after=NOW, state="running"))
        session.flush()
        task = {"task_id": "t", "map_index": -1, "pool": "p", "id": uuid4(), "pool_slots": 1, "max_tries": 0}
        session.execute(
            insert(TaskInstance).values(**run, **task, try_number=1, trigger_id=trigger.id, state="deferred")
        )
    yield database
    settings.Session.remove()
    engine.dispose()


def triggers():
    with create_session() as session:
        return list(session.scalars(select(Trigger.classpath)))


def look_twice(monkeypatch, name, disturbed):
    """The triggerer looks at its tables, first disturbed, and then in peace; gives the triggers after each look."""
    supervisor, found = object.__new__(CarefulSupervisor), []
    with monkeypatch.context() as patch:
        patch.setattr(abandoned_triggers, name, disturbed)
        supervisor.clean_unused()
        found.append(triggers())
    supervisor.clean_unused()
    return [*found, triggers()]


def test_marked_between_the_two_steps_it_is_handed_over_by_the_next_look(airflow_database, monkeypatch):
    """The first look leaves the trigger as it is, the second one knows what it left."""
    hand_over = abandoned_triggers.hand_over

    def hand_over_and_mark(session):
        hand_over(session)
        with psycopg.connect(airflow_database) as other:
            other.execute("UPDATE task_instance SET state = 'failed'")

    assert look_twice(monkeypatch, "hand_over", hand_over_and_mark) == [[JOB], [SUCCESSORS[JOB]]]


def test_changed_rows_are_left_to_the_next_look(airflow_database, monkeypatch):
    """What two would change at once is changed by one of them; nothing is raised, nothing lost."""
    see_one_moment = abandoned_triggers.see_one_moment

    def see_and_let_change(session):
        see_one_moment(session)
        session.scalars(select(Trigger.id)).all()  # the moment begins with the first statement
        with psycopg.connect(airflow_database) as other:
            other.execute("UPDATE trigger SET triggerer_id = 7")

    with psycopg.connect(airflow_database) as other:
        other.execute("UPDATE task_instance SET state = 'failed'")
    assert look_twice(monkeypatch, "see_one_moment", see_and_let_change) == [[JOB], [SUCCESSORS[JOB]]]
