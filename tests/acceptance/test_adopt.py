"""CronJobs change hands between a cluster's controller and Airflow, one chain at a time, and back."""

from pathlib import Path

import pytest
import yaml
from tests.acceptance.chain import await_value

from baton.cronjobs.adopt.command import main
from baton_local.stack import Stack

MANIFESTS = Path(__file__).parent / "cronjobs"
DAG_ID, SPACE = "nightly", "baton"
SUSPENDED = "nightly-load"  # by hand, in the cluster, before Airflow came
# The order of the steps is what counts here, and it is the same on a slow cluster.
pytestmark = pytest.mark.parametrize("stack", ["calm cluster"], indirect=True)


@pytest.fixture
def cluster(stack: Stack):
    """The CronJobs in the cluster, and a way to look at them."""
    path = f"/apis/batch/v1/namespaces/{SPACE}/cronjobs"
    with stack.cluster.client() as client:
        for body in yaml.safe_load_all((MANIFESTS / "nightly.yaml").read_text()):
            body["spec"]["suspend"] = body["metadata"]["name"] == SUSPENDED
            client.post(path, json=body).raise_for_status()
        yield lambda name: client.get(f"{path}/{name}").json()
        client.delete(path)


@pytest.fixture
def adopt(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys):
    """Runs the command; returns its exit code and what it said."""
    monkeypatch.setenv("AIRFLOW_API_TOKEN", stack.api.token())
    where = ["--manifests", str(MANIFESTS), "-n", SPACE, "--airflow", stack.airflow.url]

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*arguments, *where, "--kubeconfig", str(stack.layout.kubeconfig)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def is_on(stack: Stack) -> bool:
    """Whether the DAG is switched on."""
    return not stack.api.call("GET", f"/dags/{DAG_ID}")["is_paused"]


def test_a_chain_changes_hands_and_comes_back(stack: Stack, cluster, adopt):
    """Both CronJobs of the chain are suspended as its DAG is switched on; afterwards each is as it was before."""
    await_value(lambda: stack.api.dag_is_known(DAG_ID), 60)

    code, said = adopt("nightly-export")
    assert (code, is_on(stack)) == (0, True), said
    assert [cluster(name)["spec"]["suspend"] for name in ("nightly-export", "nightly-load")] == [True, True]
    assert cluster("nightly-load")["metadata"]["annotations"]["baton.dev/adopted-by"] == DAG_ID

    code, again = adopt(DAG_ID)  # as after a crash in the middle
    assert code == 0, again

    code, said = adopt(DAG_ID, "--release")
    assert (code, is_on(stack)) == (0, False), said
    assert [cluster(name)["spec"]["suspend"] for name in ("nightly-export", "nightly-load")] == [False, True]
    assert "baton.dev/adopted-by" not in (cluster("nightly-load")["metadata"].get("annotations") or {})


def test_what_differs_from_its_file_is_not_adopted(stack: Stack, cluster, adopt):
    """Airflow would run something else than the cluster did; the difference is shown, and nothing changes."""
    await_value(lambda: stack.api.dag_is_known(DAG_ID), 60)
    path = f"/apis/batch/v1/namespaces/{SPACE}/cronjobs/nightly-export"
    with stack.cluster.client() as client:
        headers = {"Content-Type": "application/merge-patch+json"}
        client.patch(path, json={"spec": {"schedule": "30 1 * * *"}}, headers=headers).raise_for_status()

    code, said = adopt(DAG_ID)

    assert code == 1
    assert 'spec.schedule: "0 1 * * *" in the file, "30 1 * * *" in the cluster' in said
    assert not cluster("nightly-export")["spec"].get("suspend")
    assert not is_on(stack)


def test_an_unknown_name_is_told_with_the_known_ones(adopt):
    """A slip of the finger costs nothing."""
    code, said = adopt("nightly-exprot")

    assert code == 1
    assert "name one of nightly" in said
