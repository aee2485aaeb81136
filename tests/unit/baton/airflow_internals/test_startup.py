"""What happens when a component starts, on a real metadata database."""

import sys

import pytest
from airflow.jobs.job import Job
from airflow.jobs.triggerer_job_runner import TriggerRunner, TriggerRunnerSupervisor
from airflow.models.pool import Pool
from airflow.utils.session import create_session

from baton.airflow_internals import startup
from baton.airflow_internals.abandoned import CarefulSupervisor
from baton.airflow_internals.prompt_triggerer import PromptTriggerRunner
from baton.pools import PODS, POOLS


@pytest.fixture
def database():
    """Airflow's metadata tables, as far as pools need them."""
    from airflow import settings

    tables = [Pool.metadata.tables["team"], Pool.__table__]
    Pool.metadata.create_all(settings.engine, tables=tables)
    yield
    Pool.metadata.drop_all(settings.engine, tables=tables)


def stored():
    with create_session() as session:
        return {pool.pool: (pool.slots, pool.include_deferred) for pool in session.query(Pool)}


def test_component_makes_the_declared_pools(database):
    """Nobody has to think of it."""
    Job()
    startup.on_starting(Job())
    assert stored() == {pool.name: (pool.slots, True) for pool in POOLS}


def test_pool_that_somebody_resized_keeps_its_slots(database):
    """The web UI is where an installation is tuned."""
    Pool.create_or_update_pool(name=PODS.name, slots=3, description="", include_deferred=True)
    startup.make_missing_pools()
    assert stored()[PODS.name] == (3, True)


def test_missing_table_does_not_stop_the_component():
    """Before the first migration there is nothing to make a pool in."""
    startup.on_starting(Job())


def test_task_that_starts_does_not_touch_the_database(monkeypatch):
    """Tasks may not; they call the same listener."""
    monkeypatch.setattr(startup, "make_missing_pools", lambda: pytest.fail("a task has no database"))
    startup.on_starting(object())


@pytest.mark.parametrize(("setting", "runner"), [("True", PromptTriggerRunner), (None, TriggerRunner)])
def test_triggerer_is_prompt_only_when_it_is_told(monkeypatch, setting, runner):
    """An installation that only installs the wheel keeps Airflow's own loop."""
    module = sys.modules["airflow.jobs.triggerer_job_runner"]
    monkeypatch.setattr(module, "TriggerRunner", TriggerRunner)
    monkeypatch.setattr(module, "TriggerRunnerSupervisor", TriggerRunnerSupervisor)
    if setting:
        monkeypatch.setenv("BATON_PROMPT_TRIGGERER", setting)
    startup.on_starting(Job())
    assert module.TriggerRunner is runner
    assert module.TriggerRunnerSupervisor is CarefulSupervisor
