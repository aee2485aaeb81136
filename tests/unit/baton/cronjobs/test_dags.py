"""DAGs made of manifests."""

import json
from datetime import timedelta

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.dags import RefusedManifestsError, cronjob_dags, report_refused
from baton.cronjobs.templates.manifest_source import ManifestSource
from baton.cronjobs.templates.source import SourceError
from baton.doc_sections import HEADINGS, headings
from baton.notifications.failure import FailureNotifier

CHAIN = """\
chains:
  nightly:
    jobs:
      transform: {after: export}
      load: {after: transform, for_each: [orders, customers], variable: DATASET}
      clean-up: {after: load, when: always}
"""


def edges(dag):
    return {(task.task_id, following) for task in dag.tasks for following in task.downstream_task_ids}


def again(dag):
    """The DAG as the scheduler sees it."""
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


def test_manifest_becomes_a_dag(write):
    """Nothing of it runs before somebody switches it on."""
    spec = ["timeZone: Europe/Prague", "concurrencyPolicy: Forbid", "startingDeadlineSeconds: 600"]
    folder = write("etl.yaml", cronjob(spec=spec, metadata=["namespace: shop"]))
    [dag] = cronjob_dags(folder).values()
    [task] = again(dag).tasks
    assert (dag.dag_id, dag.is_paused_upon_creation, dag.catchup, dag.max_active_runs) == ("export", True, False, 1)
    assert again(dag).timetable.serialize() == {
        "schedule": "0 1 * * *",
        "time_zone": "Europe/Prague",
        "starting_deadline_seconds": 600,
    }
    operator = dag.get_task("run")
    assert (operator.source.path, operator.source.name, operator.source.namespace) == (
        str(folder / "etl.yaml"),
        "export",
        "shop",
    )
    assert (operator.concurrency_policy, operator.schedule, operator.time_zone) == (
        "Forbid",
        "0 1 * * *",
        "Europe/Prague",
    )
    assert (task.retries, task.execution_timeout) == (0, None)  # Kubernetes keeps what is Kubernetes'
    assert headings(dag.doc_md) == HEADINGS


def test_settings_come_from_annotations_or_from_a_file_beside(write):
    """What the file says wins, and the manifest stays as it is."""
    metadata = ["annotations:", "  baton.dev/owner: data", "  baton.dev/pool: pods", "  baton.dev/notifier: none"]
    folder = write("etl.yaml", cronjob(metadata=metadata), cronjob("load"))
    write("etl.baton.yaml", "export: {owner: etl, deadline: 1h30m, tags: [tier-1]}\nload: {notifier: mail}\n")
    dags = cronjob_dags(folder)
    task = dags["export"].get_task("run")
    assert (task.owner, task.pool, task.on_failure_callback) == ("etl", "pods", [])
    assert dags["export"].deadline[0].interval == timedelta(minutes=90)
    assert dags["export"].tags == {"cronjob", "tier-1"}
    assert isinstance(dags["load"].get_task("run").on_failure_callback[0], FailureNotifier)


@pytest.mark.parametrize(
    ("beside", "problem"),
    [
        ("export: {after: load\n", "did not find expected ',' or '}'"),
        ("export: {after: load}\nexport: {owner: data}\n", "key export is given twice"),
        ("- export: {after: load}\n", "must be one mapping: CronJob → settings"),
        ("export: [after, load]\n", "must be a mapping of settings"),
    ],
)
def test_settings_that_cannot_be_read_cost_those_that_they_mention(write, beside, problem):
    """What it follows may stand there: on the clock it would run too early."""
    folder = write("etl.yaml", cronjob(), cronjob("other"))
    write("etl.baton.yaml", beside)
    assert set(cronjob_dags(folder)) == {"other"}
    with pytest.raises(RefusedManifestsError) as refused:
        report_refused(folder)
    assert str(refused.value).count("etl.baton.yaml:") == 1
    assert problem in str(refused.value)


def test_notifier_that_is_no_class_costs_its_dag(write):
    """Whatever it would do when it is called."""
    folder = write("etl.yaml", cronjob(metadata=["annotations: {baton.dev/notifier: sys.exit}"]), cronjob("other"))
    assert set(cronjob_dags(folder)) == {"other"}


def test_suspended_cronjob_runs_by_hand_only(write):
    """Its DAG is there, without a schedule."""
    [dag] = cronjob_dags(write("etl.yaml", cronjob(spec=["suspend: true"]))).values()
    assert not dag.timetable.can_be_scheduled


def test_chain_is_one_dag(write):
    """With the clock of its first CronJob; the others' own times count no more."""
    names = ("export", "transform", "load", "clean-up")
    folder = write("etl.yaml", *(cronjob(name, schedule=f"0 {hour} * * *") for hour, name in enumerate(names, 1)))
    write("chains.yaml", CHAIN)
    [dag] = cronjob_dags(folder).values()
    assert dag.dag_id == "nightly"
    assert again(dag).timetable.summary == "0 1 * * *"
    assert edges(dag) == {
        ("export", "transform"),
        ("transform", "load.orders"),
        ("transform", "load.customers"),
        ("load.orders", "load.done"),
        ("load.customers", "load.done"),
        ("load.done", "clean-up"),
        *((name, "all_succeeded") for name in ("export", "transform", "load.done", "clean-up")),
    }
    assert dag.get_task("export").schedule == "0 1 * * *"
    assert dag.get_task("transform").schedule is None  # the tick is not its own
    assert dag.get_task("clean-up").trigger_rule == "none_skipped"
    announcing = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert announcing == {
        "export": ["cronjob/export"],
        "transform": ["cronjob/transform"],
        "load.done": ["cronjob/load"],  # not before the last item
        "clean-up": ["cronjob/clean-up"],
    }


def test_item_reaches_the_pod_as_a_variable(write):
    """The template is the same in everything else, the Job's name holds the item."""
    folder = write("etl.yaml", cronjob("export"), cronjob("load"))
    write("chains.yaml", "chains:\n  nightly:\n    jobs:\n      load: {after: export, for_each: [Orders, customers]}\n")
    dag = cronjob_dags(folder)["nightly"]
    template = dag.get_task("load.orders").source.read()
    [container] = template.spec["template"]["spec"]["containers"]
    assert template.name == "load-orders"
    assert container == {"name": "main", "image": "busybox", "env": [{"name": "ITEM", "value": "Orders"}]}


def test_template_is_read_as_it_was_checked(write):
    """Whatever else stands in the file, and with every text as Kubernetes reads it."""
    folder = write("etl.yaml", "a: [\n", cronjob() + "            args: [22:22, 2026-01-01]\n")
    template = cronjob_dags(folder)["export"].get_task("run").source.read()
    [container] = template.spec["template"]["spec"]["containers"]
    assert (template.name, container["args"]) == ("export", ["22:22", "2026-01-01"])
    (folder / "etl.yaml").write_text("a: [\n")
    with pytest.raises(SourceError, match=r"holds no CronJob named 'export'; .*etl.yaml:2: did not find"):
        ManifestSource(str(folder / "etl.yaml"), "export").read()


def test_followers_across_dags_wait_for_assets(write):
    """Each keeps its own DAG, and only the first is on the clock."""
    folder = write("etl.yaml", cronjob("export"), cronjob("load", schedule="0 3 * * *"))
    write("chains.yaml", "chains:\n  nightly: {handover: assets, jobs: {load: {after: export}}}\n")
    dags = cronjob_dags(folder)
    assert sorted(dags) == ["export", "load"]
    assert [asset.name for asset in dags["load"].timetable.asset_condition.objects] == ["cronjob/export"]
    assert dags["export"].timetable.summary == "0 1 * * *"


def test_bad_manifest_costs_itself_and_is_an_import_error(write):
    """As Airflow sees it: two DAG files of two lines each, one of which fails."""
    folder = write("bad.yaml", cronjob("bad", schedule="@reboot"), cronjob("good"))
    write("worse.yaml", "a: [\n")
    write("notifier.yaml", cronjob("who", metadata=["annotations: {baton.dev/notifier: no.Such}"]))
    dags = folder / "dags"
    dags.mkdir()
    header = '"""Airflow DAGs."""\n'
    load = f"from baton.cronjobs.dags import cronjob_dags\nglobals().update(cronjob_dags({str(folder)!r}))\n"
    refuse = f"from baton.cronjobs.dags import report_refused\nreport_refused({str(folder)!r})\n"
    (dags / "cronjobs.py").write_text(header + load)
    (dags / "refused.py").write_text(header + refuse)
    bag = DagBag(dag_folder=dags)
    assert sorted(bag.dags) == ["good"]
    [(file, error)] = bag.import_errors.items()
    assert file.endswith("refused.py")
    assert f"{folder}/bad.yaml:6: spec.schedule: '@reboot': unrecognized descriptor: @reboot" in error
    assert f"{folder}/worse.yaml:2: did not find expected node content" in error
    assert f"{folder}/notifier.yaml:1: no DAG who: ModuleNotFoundError: No module named 'no'" in error


def test_nothing_refused_is_no_error(write):
    """Also in an empty folder."""
    report_refused(write("a.txt", ""))
    report_refused(write("etl.yaml", cronjob()))
    with pytest.raises(RefusedManifestsError, match=r"none: cannot be read: No such file"):
        report_refused("none")


def test_parsing_again_gives_the_same_dags(write):
    """Else each look of the DAG processor would make a new version of each DAG."""
    folder = write("etl.yaml", cronjob("export"), cronjob("load"))
    write("chains.yaml", "chains:\n  nightly: {jobs: {load: {after: export, for_each: [a, b]}}}\n")
    first, second = ({key: DagSerialization.to_dict(dag) for key, dag in cronjob_dags(folder).items()} for _ in "12")
    assert first == second
