"""JobOperator as DAG files see it: what it takes, what it refuses, what is read when."""

import subprocess
import sys
from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from baton.cronjobs.operator import JobOperator
from baton.cronjobs.templates.source import FileSource, LiveSource
from baton.defaults import default_args
from kubernetes_cron import ScheduleError, TimeZoneError

SOURCE = FileSource("/nowhere/nightly.yaml", "nightly")


def test_nothing_is_read_while_a_dag_is_parsed():
    """Neither the file nor the cluster: a task that cannot find them fails, not the DAG."""
    JobOperator(task_id="file", source=SOURCE)
    JobOperator(task_id="live", source=LiveSource("nightly", "shop"))


def test_airflow_does_not_try_again_unless_it_is_told_to():
    """backoffLimit is Kubernetes'."""
    assert JobOperator(task_id="t", source=SOURCE).retries == 0
    assert JobOperator(task_id="t", source=SOURCE, retries=2).retries == 2


def test_a_dag_with_jobs_can_be_serialised():
    """And read again by the scheduler, which knows no sources."""
    with DAG("nightly", start_date=pendulum.datetime(2026, 1, 1), default_args=default_args(retries=0)) as dag:
        JobOperator(task_id="nightly", source=SOURCE, result="xcom_file", concurrency_policy="Forbid")
    read = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert read.get_task("nightly").task_type == "JobOperator"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency_policy": "forbid"}, "concurrency_policy is 'forbid', must be one of Allow, Forbid, Replace"),
        ({"result": "xcom"}, "result is 'xcom', must be one of none, termination_message, xcom_file"),
    ],
)
def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are(options, message):
    """While the DAG is parsed."""
    with pytest.raises(ValueError, match=message):
        JobOperator(task_id="t", source=SOURCE, **options)


@pytest.mark.parametrize("options", [{"schedule": "L * * * *"}, {"schedule": "@daily", "time_zone": "Mars/Olympus"}])
def test_a_schedule_that_cannot_be_read_is_refused(options):
    """Not at its first tick."""
    with pytest.raises((ScheduleError, TimeZoneError)):
        JobOperator(task_id="t", source=SOURCE, **options)


@pytest.mark.parametrize(
    ("retries", "max_tries", "try_number", "cleared"),
    [
        (0, 0, 1, 0),
        (2, 2, 1, 0),
        (2, 2, 3, 0),
        (0, 1, 2, 1),
        (2, 3, 2, 1),
        (2, 3, 4, 1),
        (0, 5, 6, 5),
        (0, 0, 2, 1),
    ],
    ids=[
        "first",
        "first of three",
        "last of three",
        "cleared",
        "cleared with retries",
        "and tried again",
        "often",
        "running",
    ],
)
def test_a_cleared_task_is_told_from_one_that_is_tried_again(retries, max_tries, try_number, cleared):
    """By the numbers that Airflow leaves."""
    instance = SimpleNamespace(dag_id="d", task_id="t", map_index=-1, max_tries=max_tries, try_number=try_number)
    context = {"ti": instance, "dag_run": SimpleNamespace(run_id="r")}
    task_run = JobOperator(task_id="t", source=SOURCE, retries=retries)._task_run(context)
    assert (task_run.identity, task_run.cleared) == ("d/r/t/-1", cleared)


def test_a_dag_file_does_not_pay_for_the_clients():
    """They take seconds to import."""
    script = "import sys, baton.cronjobs.operator; print({'kubernetes', 'kubernetes_asyncio'} & set(sys.modules))"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "plugins:include", "HOME": "/tmp"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
