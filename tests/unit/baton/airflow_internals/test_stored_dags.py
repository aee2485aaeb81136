"""DAGs, runs and tasks as they are read from Airflow's real tables, which Airflow itself has filled."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from airflow.models.asset import AssetEvent, AssetModel, association_table
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from sqlalchemy import insert, select

from baton.airflow_internals.stored_dags import (
    StoredRun,
    StoredTask,
    runs_between,
    started_by,
    stored_tasks,
    tagged_dags,
    tasks_of_runs,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAGS = {"night": "cronjob", "day": "cronjob", "other": "report"}


@pytest.fixture(scope="module")
def session():
    """Three DAGs that Airflow has stored, two of them with the tag, and runs of theirs."""
    from airflow import models, settings

    models.import_all_models()
    DagRun.metadata.create_all(settings.engine)
    with create_session() as session:
        session.execute(insert(DagBundleModel).values(name="b", active=True))
        for dag_id, tag in DAGS.items():
            session.add(DagModel(dag_id=dag_id, bundle_name="b", is_paused=dag_id == "day", is_stale=False))
            session.add(DagTag(name=tag, dag_id=dag_id))
        session.add(DagModel(dag_id="gone", bundle_name="b", is_stale=True))
        session.add(DagTag(name="cronjob", dag_id="gone"))
        session.flush()
        for dag_id in DAGS:
            with DAG(dag_id, schedule=None) as dag:
                EmptyOperator(task_id="run", doc_json=f'"{dag_id}"')
                EmptyOperator(task_id="plain")
            SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="b", session=session)
        add_run(session, "night", "r1", NOON - HOUR, NOON)
        add_run(session, "night", "r2", NOON, None)
        add_run(session, "day", "r1", NOON - HOUR, NOON)
        add_run(session, "other", "r1", NOON - HOUR, NOON)
        add_asset(session)
    with create_session() as session:
        yield session
    DagRun.metadata.drop_all(settings.engine)


def add_run(session, dag_id, run_id, start, end):
    """Store a run with one task, in the run's times."""
    state = "success" if end else "running"
    times = {"start_date": start, "end_date": end, "state": state}
    session.add(DagRun(dag_id=dag_id, run_id=run_id, run_type="scheduled", logical_date=start, run_after=start))
    session.flush()
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    run.state = state  # which sets the times to now
    run.start_date, run.end_date = start, end
    key = {"dag_id": dag_id, "run_id": run_id, "task_id": "run", "map_index": -1, "id": uuid4()}
    session.execute(insert(TaskInstance).values(**key, pool="p", pool_slots=1, try_number=1, max_tries=0, **times))


def add_asset(session):
    """Let the first run of one DAG start the first of another, by an asset."""
    session.add(AssetModel(name="a", uri="a", group="asset"))
    session.flush()
    asset = session.scalar(select(AssetModel.id))
    session.add(AssetEvent(asset_id=asset, source_dag_id="night", source_run_id="r1"))
    session.add(AssetEvent(asset_id=asset))  # somebody made it by hand
    session.flush()
    run = session.scalar(select(DagRun.id).where(DagRun.dag_id == "day"))
    for event in session.scalars(select(AssetEvent.id)):
        session.execute(insert(association_table).values(dag_run_id=run, event_id=event))


def test_dags_are_found_by_their_tag(session):
    """Not those whose file is gone."""
    assert tagged_dags(session, "cronjob") == {"night": False, "day": True}


def test_tasks_are_read_as_airflow_stores_them(session):
    """In its own serialised form, which nothing promises."""
    assert sorted(stored_tasks(session, {"night", "other"}), key=lambda task: task[:2]) == [
        ("night", "plain", None),
        ("night", "run", '"night"'),
        ("other", "plain", None),
        ("other", "run", '"other"'),
    ]


def test_runs_of_a_time_are_the_newest_first(session):
    """A run that has not ended belongs to every time after its start; moments are plain ones in UTC."""
    found = runs_between(session, {"night"}, NOON, NOON + HOUR, 10)
    assert found == [
        StoredRun(found[0].number, "night", "r2", "scheduled", NOON, NOON),
        StoredRun(found[1].number, "night", "r1", "scheduled", NOON - HOUR, NOON - HOUR),
    ]
    assert {type(run.run_after) for run in found} == {datetime}
    assert [run.run_id for run in runs_between(session, {"night"}, NOON, NOON + HOUR, 1)] == ["r2"]
    assert [run.run_id for run in runs_between(session, {"night"}, NOON + HOUR, NOON + 2 * HOUR, 10)] == ["r2"]
    assert runs_between(session, {"night"}, NOON - 3 * HOUR, NOON - 2 * HOUR, 10) == []


def test_tasks_are_those_of_the_runs(session):
    """Not those of another DAG's run with the same id."""
    runs = {("night", "r2"), ("day", "r1")}
    assert sorted(tasks_of_runs(session, runs), key=lambda task: task.dag_id) == [
        StoredTask("day", "r1", "run", "success", NOON - HOUR, NOON),
        StoredTask("night", "r2", "run", "running", NOON, None),
    ]


def test_a_run_knows_the_run_that_started_it(session):
    """Where a run did."""
    runs = runs_between(session, {"day", "night"}, NOON, NOON + HOUR, 10)
    assert list(started_by(session, runs)) == [(("day", "r1"), ("night", "r1"))]
