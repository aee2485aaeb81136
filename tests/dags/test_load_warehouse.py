"""The warehouse chain: what runs after what, with which Secret, and how its result is found."""

import json
from datetime import datetime
from types import SimpleNamespace

import pendulum
import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DagRunInfo, TimeRestriction

DATASETS = ["customers", "order_items", "orders", "payments", "products"]


@pytest.fixture
def dag(dag_bag):
    return dag_bag.dags["load_warehouse"]


def test_each_dataset_goes_its_own_way_between_export_and_validate(dag):
    """No barrier between the datasets: the small ones do not wait for the big ones."""
    edges = {(task.task_id, following) for task in dag.tasks for following in task.downstream_task_ids}
    expected = {("validate", "purge_raw")}
    for dataset in DATASETS:
        transform, load = f"{dataset}.transform", f"{dataset}.load"
        expected |= {("export", transform), (transform, load), (load, "validate")}
    assert edges == expected


def test_raw_files_are_removed_only_after_validation(dag):
    """They are what a repair would start from."""
    assert dag.get_task("purge_raw").upstream_task_ids == {"validate"}


def test_each_stage_has_its_own_secret_and_no_other(dag):
    """A stage that is broken into gives away its own buckets and database only."""
    for task in dag.tasks:
        [source] = task.env_from
        stage = task.task_id.split(".")[-1].removesuffix("_raw")
        assert source.secret_ref.name == f"baton-{stage}"


def test_a_transform_sees_the_policy_of_its_dataset_only(dag):
    """A changed policy changes one task, and shows which one."""
    for dataset in DATASETS:
        policies = json.loads(dag.get_task(f"{dataset}.transform").env_vars["BATON_POLICIES"])
        assert list(policies) == [dataset]
    assert list(json.loads(dag.get_task("export").env_vars["BATON_POLICIES"])) == DATASETS


def test_asset_is_announced_by_validation(dag):
    """Whoever waits for the warehouse waits for a validated one."""
    announcing = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert announcing == {"validate": ["warehouse"]}


def test_one_run_at_a_time(dag):
    """Two loads would race for the same tables."""
    assert dag.max_active_runs == 1


def test_late_run_is_reported(dag):
    """It has a deadline of its own."""
    assert dag.deadline


@pytest.mark.parametrize(
    ("last", "run_after", "key"),
    [
        ("2026-01-09", "2026-01-10T00:00:00Z", "2026-01-10"),
        ("2026-03-28", "2026-03-29T00:00:00Z", "2026-03-29"),  # the clock goes forward an hour later
        ("2026-03-29", "2026-03-29T23:00:00Z", "2026-03-30"),
        ("2026-10-24", "2026-10-24T23:00:00Z", "2026-10-25"),  # the clock goes back two hours later
        ("2026-10-25", "2026-10-26T00:00:00Z", "2026-10-26"),
    ],
)
def test_it_runs_once_a_day_at_one_in_prague(dag, last, run_after, key):
    """Also in the nights in which the clock changes; the partition key is Prague's day."""
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    run_before = pendulum.parse(f"{last}T01:00", tz="Europe/Prague").in_timezone("UTC")
    before = DagRunInfo(run_after=run_before, data_interval=None, partition_date=None, partition_key=last)
    following = timetable.next_dagrun_info_v2(
        last_dagrun_info=before, restriction=TimeRestriction(earliest=None, latest=None, catchup=True)
    )
    assert following.run_after == datetime.fromisoformat(run_after)
    assert following.partition_key == key


def test_run_key_template_is_the_partition_key_or_the_day_in_prague(dag):
    """What the export gets as its argument, through the plugin's macro."""
    run = SimpleNamespace(partition_key=None, run_after=datetime.fromisoformat("2026-10-24T22:30:00Z"))
    template = dag.get_task("export").arguments[3]
    environment = dag.get_template_env()
    context = {"dag": dag, "dag_run": run, "macros": macros_with_plugins()}
    assert environment.from_string(template).render(context) == "2026-10-25"
    run.partition_key = "2026-01-05"
    assert environment.from_string(template).render(context) == "2026-01-05"


def macros_with_plugins():
    from airflow.sdk.execution_time import macros
    from airflow.sdk.plugins_manager import integrate_macros_plugins

    integrate_macros_plugins()
    return macros
