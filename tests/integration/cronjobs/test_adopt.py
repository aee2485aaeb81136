"""CronJobs of a cluster change hands; what would lose a tick, or run one twice, is refused before anything changes."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from tests.integration.cronjobs.test_import_from_cluster import cronjob

from baton.cronjobs.adopt.adoption_client import AdoptionClient
from baton.cronjobs.adopt.command import Handover, HandoverError, main
from baton.cronjobs.adopt.order import order_of
from baton.cronjobs.importing.command import main as main_import
from baton.cronjobs.importing.cronjob_client import ClusterError
from baton.cronjobs.loading import load_cronjobs

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
COMING = NOW + timedelta(hours=2)
SCHEDULES = {name: f"{at.minute} {at.hour} * * *" for name, at in (("export", NOW), ("load", COMING))}


class Airflow:
    """An Airflow with DAGs that are on or off, and the ticks that they have run."""

    def __init__(self):
        self.on, self.ticks, self.starts = set(), {}, {}

    def switch(self, dag_id, *, on):
        (self.on.add if on else self.on.discard)(dag_id)

    def is_on(self, dag_id):
        return dag_id in self.on

    def is_stale(self, dag_id):
        return False

    def last_tick(self, dag_id):
        return self.ticks.get(dag_id)

    def last_start(self, dag_id):
        return self.starts.get(dag_id)

    def active_runs(self, dag_id):
        return 0


@pytest.fixture
def batch(local_kubernetes):
    """The official client's BatchV1Api."""
    from kubernetes.client import BatchV1Api

    return BatchV1Api(local_kubernetes.client)


@pytest.fixture
def airflow():
    return Airflow()


@pytest.fixture
def folder(tmp_path):
    """Two CronJobs of one chain, and a report that keeps a DAG of its own."""
    jobs = [cronjob(name, schedule) for name, schedule in SCHEDULES.items()]
    jobs.append(cronjob("report", SCHEDULES["load"]))
    jobs[-1]["metadata"]["annotations"] = {"baton.dev/after": "load"}
    (tmp_path / "jobs.yaml").write_text(yaml.safe_dump_all(jobs))
    (tmp_path / "chains.yaml").write_text("chains: {nightly: {jobs: {load: {after: export}}}}\n")
    return tmp_path


@pytest.fixture
def handover(local_kubernetes, batch, airflow, folder):
    """The three in the cluster, as their files say; makes the handover of a DAG."""
    loaded = load_cronjobs([folder])
    for job in loaded.cronjobs.values():
        batch.create_namespaced_cron_job(local_kubernetes.name, job.manifest.content)
    cluster = AdoptionClient(str(local_kubernetes.server.kubeconfig))
    yield lambda dag_id: Handover(dag_id, order_of(loaded), cluster, airflow, print, local_kubernetes.name)
    cluster.close()


def adopt(handover, **despite):
    handover.adopt(**{"despite_drift": False, "despite_round": False} | despite)


def began(batch, space, name, moment):
    """The controller has started a tick."""
    batch.patch_namespaced_cron_job_status(name, space, {"status": {"lastScheduleTime": moment.isoformat()}})


def test_round_that_airflow_ran_is_not_run_again(handover, airflow, batch, local_kubernetes):
    """After it has given a chain back, the controller goes on with the next round, also of those that follow."""
    adopt(handover("nightly"))
    airflow.ticks["nightly"] = NOW

    handover("nightly").release(0)

    read = [batch.read_namespaced_cron_job(name, local_kubernetes.name) for name in ("export", "load")]
    assert [found.status.last_schedule_time for found in read] == [NOW, COMING]
    assert [found.spec.suspend for found in read] == [False, False]
    assert airflow.on == set()


def test_chain_is_not_adopted_in_the_middle_of_a_round(handover, airflow, batch, local_kubernetes):
    """The cluster has begun it, and what is still due would be run by nobody."""
    began(batch, local_kubernetes.name, "export", NOW)
    with pytest.raises(HandoverError, match=f"load is still due at {COMING:%H:%M} UTC"):
        adopt(handover("nightly"))
    assert airflow.on == set()
    adopt(handover("nightly"), despite_round=True)
    assert airflow.on == {"nightly"}
    adopt(handover("nightly"))  # again, as after a crash between two steps


def test_dag_that_waits_for_another_is_adopted_after_it_and_released_before_it(
    handover, airflow, batch, local_kubernetes
):
    """Nothing would start it while the other one is off."""
    with pytest.raises(HandoverError, match="report runs after nightly, which the cluster runs: adopt that first"):
        adopt(handover("report"))
    adopt(handover("nightly"))
    adopt(handover("report"))
    with pytest.raises(HandoverError, match="report in Airflow runs after nightly: release that first"):
        handover("nightly").release(0)
    airflow.ticks["nightly"] = NOW
    handover("report").release(0)
    assert batch.read_namespaced_cron_job("report", local_kubernetes.name).status.last_schedule_time == NOW
    adopt(handover("report"), despite_round=True)
    airflow.starts["report"] = NOW + timedelta(minutes=5)  # by the success of this round's load
    handover("report").release(0)
    assert batch.read_namespaced_cron_job("report", local_kubernetes.name).status.last_schedule_time == COMING


def test_what_is_not_in_the_cluster_is_not_given_back(handover, airflow, batch, local_kubernetes):
    """The DAG would be switched off, and nobody would run it."""
    adopt(handover("nightly"))
    batch.delete_namespaced_cron_job("load", local_kubernetes.name)
    with pytest.raises(HandoverError, match="not in the cluster: load"):
        handover("nightly").release(0)
    assert airflow.on == {"nightly"}
    assert batch.read_namespaced_cron_job("export", local_kubernetes.name).spec.suspend


def test_adopted_again_while_it_is_given_back_the_dag_stays_on(handover, airflow):
    """Else the CronJob would be suspended and the DAG off."""
    adopt(handover("nightly"))
    airflow.active_runs = lambda dag_id: adopt(handover("nightly"))  # meanwhile; None: nothing runs
    with pytest.raises(HandoverError, match="somebody adopted export, load meanwhile"):
        handover("nightly").release(0)
    assert airflow.on == {"nightly"}


def test_what_airflow_runs_is_imported_as_it_was_before(handover, local_kubernetes, tmp_path, capsys):
    """The annotations and the suspension are `adopt`'s own."""
    adopt(handover("nightly"))
    where = ["-n", local_kubernetes.name, "--kubeconfig", str(local_kubernetes.server.kubeconfig)]
    assert main_import(["--from-cluster", "--write", str(tmp_path / "new"), "--json", *where]) == 0
    written = yaml.safe_load((tmp_path / "new" / f"{local_kubernetes.name}.load.yaml").read_text())
    assert not written["spec"]["suspend"]
    assert "annotations" not in written["metadata"]
    assert "adopted-by" not in capsys.readouterr().out


def test_cluster_that_does_not_answer_is_told_in_a_sentence(tmp_path, folder, monkeypatch, capsys):
    """No traceback, and nothing has changed: the DAG is switched on after the cluster was asked."""
    nowhere = {"name": "a", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
    config = {
        "clusters": [nowhere],
        "contexts": [context],
        "users": [{"name": "a", "user": {}}],
        "current-context": "a",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("AIRFLOW_API_TOKEN", "none")
    where = [
        "--kubeconfig",
        str(tmp_path / "kubeconfig"),
        "--manifests",
        str(folder),
        "--airflow",
        "http://127.0.0.1:9",
    ]
    assert main(["nightly", *where]) == 2
    assert "baton adopt: the cluster does not answer:" in capsys.readouterr().err


def test_what_the_cluster_forbids_is_said_in_its_words(local_kubernetes, handover):
    """With the object that is meant."""
    cluster = handover("nightly").cluster
    with pytest.raises(ClusterError, match=r"no-such-space/a: the change was refused: .+ not found"):
        cluster.suspend({"metadata": {"name": "a", "namespace": "no-such-space"}, "spec": {}}, "a")
