"""Logs of a stack on one machine are read from their folder; no server is asked for them, and none is there."""

import gc
from pkgutil import resolve_name
from types import SimpleNamespace

import pytest
from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.utils.log import file_task_handler

import shared_folder_logs
from baton.airflow_internals import task_log
from baton_local.airflow import COMPONENTS


class Handler(task_log.SharedFolderTaskHandler):
    """One that needs no database to know a log's file."""

    def _render_filename(self, ti, try_number, **_):
        return f"attempt={try_number}.log"


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("state", ["deferred", "success"])
def test_a_task_s_log_is_complete_without_a_log_server(tmp_path, monkeypatch, state):
    """Also the triggerer's part, while the task waits there."""

    def nobody(*_):
        raise AssertionError("no log server runs")

    monkeypatch.setattr(file_task_handler, "_fetch_logs_from_service", nobody)
    (tmp_path / "attempt=1.log").write_text("of the worker\n")
    (tmp_path / "attempt=1.log.trigger.7.log").write_text("of the triggerer\n")
    instance = SimpleNamespace(state=state, try_number=1, triggerer_job=SimpleNamespace(hostname="host", id=7))

    stream, _ = Handler(str(tmp_path))._read(instance, 1)

    text = "\n".join(str(message) for message in stream)
    assert "of the worker" in text
    assert "of the triggerer" in text
    assert "Could not read" not in text
    gc.collect()  # Airflow leaves the files to it; here that is expected


def test_the_handler_is_the_configured_one():
    """By the name under which Airflow looks for it, beside all else that Airflow configures."""
    stock, ours = DEFAULT_LOGGING_CONFIG, shared_folder_logs.LOGGING_CONFIG
    assert resolve_name(ours["handlers"]["task"]["class"]) is task_log.SharedFolderTaskHandler
    assert stock["handlers"]["task"]["class"] != ours["handlers"]["task"]["class"]
    assert {**ours["handlers"], "task": None} == {**stock["handlers"], "task": None}


def test_the_components_that_would_serve_logs_do_not():
    """Their servers would listen on all addresses."""
    assert {name for name, options in COMPONENTS.items() if "--skip-serve-logs" in options} == {
        "scheduler",
        "triggerer",
    }
