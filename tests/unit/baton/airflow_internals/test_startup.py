"""What happens when a component starts, on a real metadata database."""

import logging
import sys
from types import ModuleType, SimpleNamespace

import pytest
from airflow.jobs.job import Job
from airflow.jobs.triggerer_job_runner import TriggerRunner, TriggerRunnerSupervisor
from airflow.models.pool import Pool
from airflow.utils.session import create_session

from baton.airflow_internals import startup
from baton.airflow_internals.abandoned_triggers import CarefulSupervisor
from baton.airflow_internals.prompt_triggerer import PromptTriggerRunner
from baton.pools import PODS, POOLS
from baton.settings import settings


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


def test_a_wrong_setting_ends_the_component(monkeypatch):
    """Airflow's own way to call listeners would log an error, and go on."""
    monkeypatch.setenv("BATON_TIMEZONE", "Europe/Nowhere")
    with pytest.raises(SystemExit, match=r"error: timezone \(BATON_TIMEZONE\): 'Europe/Nowhere' is no time zone"):
        Job()


@pytest.mark.parametrize("is_scheduler", [True, False])
def test_only_the_scheduler_imports_what_diagnostics_need(monkeypatch, is_scheduler):
    """Its workers are forked from it; a component does not know its own kind when it tells the listeners."""
    imported = []
    monkeypatch.setattr(startup, "make_missing_pools", lambda: None)
    monkeypatch.setattr(startup, "importlib", SimpleNamespace(import_module=imported.append))
    if is_scheduler:
        monkeypatch.setitem(sys.modules, startup.SCHEDULER, ModuleType(startup.SCHEDULER))
    else:
        monkeypatch.delitem(sys.modules, startup.SCHEDULER, raising=False)
    startup.on_starting(Job())
    assert (
        set(startup.FOR_INCIDENTS) <= set(imported) if is_scheduler else not set(startup.FOR_INCIDENTS) & set(imported)
    )


@pytest.fixture
def triggerer(monkeypatch, tmp_path):
    """The triggerer's module, in an installation that has no settings file; it is as before afterwards."""
    module = sys.modules["airflow.jobs.triggerer_job_runner"]
    monkeypatch.setattr(module, "TriggerRunner", TriggerRunner)
    monkeypatch.setattr(module, "TriggerRunnerSupervisor", TriggerRunnerSupervisor)
    monkeypatch.delenv("BATON_SETTINGS_FILE")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    return module


def test_without_a_setting_nothing_of_the_triggerer_is_replaced(triggerer, caplog):
    """An installation that only installs the wheel keeps all of Airflow's own."""
    before = dict(vars(triggerer))
    startup.on_starting(Job())
    assert dict(vars(triggerer)) == before
    assert "Replaced" not in caplog.text


@pytest.mark.parametrize(
    ("setting", "name", "ours"),
    [
        ("CAREFUL_TRIGGERER", "TriggerRunnerSupervisor", CarefulSupervisor),
        ("PROMPT_TRIGGERER", "TriggerRunner", PromptTriggerRunner),
    ],
)
def test_a_setting_replaces_one_thing_and_the_log_names_it(triggerer, monkeypatch, caplog, setting, name, ours):
    """Whoever reads the triggerer's log knows what is not Airflow's."""
    before = dict(vars(triggerer))
    monkeypatch.setenv(f"BATON_{setting}", "true")
    with caplog.at_level(logging.INFO):
        startup.on_starting(Job())
    assert dict(vars(triggerer)) == {**before, name: ours}
    lines = {(record.levelname, record.getMessage()) for record in caplog.records if "Replaced" in record.msg}
    replaced = f"airflow.jobs.triggerer_job_runner.{name} by {ours.__module__}:{ours.__name__}"
    assert lines == {("INFO", f"Replaced Airflow's {replaced}, because the setting {setting.lower()} is on")}


def test_this_project_switches_both_on():
    """In its settings file, which the local stack reads."""
    assert settings().careful_triggerer
    assert settings().prompt_triggerer
