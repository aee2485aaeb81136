"""The DAGs of reports: when they run, in which order, with what."""

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.simple import PartitionedAssetTimetable

REPORTS = {
    "report_daily_sales": "daily_sales",
    "report_weekly_inventory": "weekly_inventory",
    "report_monthly_business": "monthly_business",
    "post_weekly_summary": "weekly_summary",
    "post_alert_digest": "alert_digest",
    "alert_low_stock": "low_stock",
    "reconcile_finances": "reconciliation",
}


@pytest.mark.parametrize(("dag_id", "report"), REPORTS.items())
def test_a_report_is_delivered_after_it_was_rendered(dag_bag, dag_id, report):
    """By the Secret that reads, and from what the pod wrote."""
    dag = dag_bag.dags[dag_id]
    render, deliver = dag.get_task("render"), dag.get_task("deliver")
    assert render.arguments[:3] == ["reports", "render", report]
    assert [source.secret_ref.name for source in render.env_from] == ["baton-report"]
    assert "deliver" in render.downstream_task_ids
    assert deliver.manifest == "{{ ti.xcom_pull(task_ids='render')['manifest'] }}"
    assert deliver.recipients


@pytest.mark.parametrize(
    ("dag_id", "cron"),
    [
        ("report_weekly_inventory", "0 8 * * 1"),
        ("report_monthly_business", "0 7 1 * *"),
        ("post_weekly_summary", "0 9 * * 1"),
        ("post_alert_digest", "0 8 * * 1-5"),
        ("alert_low_stock", "0 */4 * * *"),
        ("sync_inventory", "*/30 * * * *"),
    ],
)
def test_clocks_are_as_the_documentation_says(dag_bag, dag_id, cron):
    """In Prague."""
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag_bag.dags[dag_id])).timetable
    assert timetable.summary == cron


def test_the_daily_sales_follow_the_warehouse(dag_bag):
    """A partitioned asset needs a partitioned timetable: another one never hears of it."""
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag_bag.dags["report_daily_sales"])).timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    assert [key.name for key, _ in timetable.asset_condition.iter_assets()] == ["warehouse"]


def test_the_books_are_closed_after_an_approval_or_without_need(dag_bag):
    """Waiting for a person neither times out after two hours nor holds up the next day."""
    dag = dag_bag.dags["reconcile_finances"]
    edges = {(task.task_id, following) for task in dag.tasks for following in task.downstream_task_ids}
    assert edges == {
        ("render", "deliver"), ("deliver", "decide"), ("decide", "approve"), ("decide", "close"), ("approve", "close"),
    }  # fmt: skip
    assert dag.get_task("approve").response_timeout.days == 7
    assert dag.get_task("approve").execution_timeout is None
    assert dag.max_active_runs > 5
    assert [asset.name for asset in dag.get_task("close").outlets] == ["reconciled"]
