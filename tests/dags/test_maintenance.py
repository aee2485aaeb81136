"""The DAGs of maintenance: what they follow, which Secret and which options their workloads get."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.serialization.serialized_objects import DagSerialization

COMMANDS = {
    ("maintain_postgres", "vacuum"): "vacuum --no-dry-run --max-seconds 6000",
    ("maintain_postgres", "reindex"): "reindex --no-dry-run --max-seconds 6000",
    ("clean_up_data", "delete_sessions"): "delete-sessions --run r --limit 100000 --no-dry-run --days 1",
    ("clean_up_data", "delete_job_executions"): "delete-job-executions --run r --limit 100000 --no-dry-run --days 30",
    ("clean_up_data", "delete_report_files"): "delete-report-files --run r --limit 100000 --no-dry-run --days 90",
    ("rotate_logs", "rotate_logs"): "rotate-logs --run r --limit 10000 --no-dry-run --days 7",
    ("warm_caches", "warm"): "warm --no-dry-run",
}


def rendered(task, **params):
    """A task's command line as its pod gets it."""
    values = {name: param.value for name, param in task.dag.params.items()} | params
    environment = task.dag.get_template_env()
    context = {"params": values, "run_id": "r", "dag_run": SimpleNamespace(run_after=datetime.now(UTC))}
    return [environment.from_string(word).render(context) for word in task.arguments]


@pytest.mark.parametrize(("place", "command"), COMMANDS.items())
def test_commands_are_those_that_the_workloads_know(dag_bag, place, command):
    """The command line is read by the workloads' own parser, with the defaults and as a dry run."""
    from baton_workloads.maintenance.cli import maintenance

    dag_id, task_id = place
    task = dag_bag.dags[dag_id].get_task(task_id)
    assert rendered(task) == ["maintenance", *command.split()]
    for words in (rendered(task), rendered(task, dry_run=True)):
        verb = maintenance.commands[words[1]]
        assert verb.make_context(verb.name, words[2:]).params["dry_run"] is ("--dry-run" in words)


@pytest.mark.parametrize("place", COMMANDS)
def test_each_task_has_one_secret(dag_bag, place):
    """What only maintains tables cannot read the object store, and the other way round."""
    dag_id, task_id = place
    [source] = dag_bag.dags[dag_id].get_task(task_id).env_from
    expected = {"maintain_postgres": "baton-maintain", "warm_caches": "baton-warm"}.get(dag_id, "baton-cleanup")
    assert source.secret_ref.name == expected


def test_work_on_whole_tables_has_the_pool_of_the_dumps(dag_bag):
    """Its one slot keeps a vacuum and a backup apart."""
    pools = {task.task_id: task.pool for task in dag_bag.dags["maintain_postgres"].tasks}
    assert (pools["vacuum"], pools["reindex"]) == ("shop_heavy", "shop_heavy")
    assert dag_bag.dags["back_up_platform"].get_task("dump").pool == "shop_heavy"


@pytest.mark.parametrize(
    ("dag_id", "moment", "due"),
    [
        ("maintain_postgres", "2026-11-20T23:00Z", ["vacuum"]),
        ("maintain_postgres", "2026-11-22T03:00Z", ["reindex"]),
        ("clean_up_data", "2026-11-22T00:00Z", ["delete_sessions"]),
        ("clean_up_data", "2026-11-22T01:00Z", ["delete_sessions", "delete_job_executions"]),
        ("clean_up_data", "2026-11-22T02:00Z", ["delete_sessions", "delete_report_files"]),
    ],
)
def test_what_is_due_when(dag_bag, dag_id, moment, due):
    """Saturday's vacuum, Sunday's reindex, the hours of the clean-ups; all in Prague."""
    choose = dag_bag.dags[dag_id].get_task("choose")
    run = SimpleNamespace(run_type=DagRunType.SCHEDULED, run_after=datetime.fromisoformat(moment))
    assert choose.python_callable(dag_run=run, params={"only": []}) == due


def test_caches_are_warmed_after_either_event(dag_bag):
    """Both names, as whoever posts an event has to know them."""
    timetable = DagSerialization.to_dict(dag_bag.dags["warm_caches"])["dag"]["timetable"]
    assert {"deployment", "caches_invalidated"} <= set(json.dumps(timetable).replace('"', " ").split())


def test_the_logs_are_on_a_claim(dag_bag):
    """The stack on one machine makes one of that name."""
    from baton_local.stack import LOGS_CLAIM

    task = dag_bag.dags["rotate_logs"].get_task("rotate_logs")
    assert [volume.persistent_volume_claim.claim_name for volume in task.volumes] == [LOGS_CLAIM]
