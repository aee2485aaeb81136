"""What readers of logs do where the kubelet says, in an answer of status 200, that it cannot read one."""

import logging

import pytest
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from tests.unit.baton.pod_api import PodApi, kubeconfig

from baton.incidents.diagnostics.cluster_connection import open_connection
from baton.incidents.diagnostics.collector import PartlyCollectedError
from baton.incidents.diagnostics.pods import collect_logs
from baton.kubernetes import api_streams, pod_log
from baton.kubernetes.job_api import JobApi
from baton.kubernetes.job_pods import JobPods

REFUSAL = "unable to retrieve container logs for containerd://0a1b2c"
JOB = {"metadata": {"name": "nightly", "uid": "j1"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}

pytestmark = pytest.mark.timeout(20)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """The kubelet is asked again soon, and given up soon."""
    monkeypatch.setattr(api_streams, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(pod_log, "UNREADABLE_SECONDS", 0.1)


@pytest.fixture
async def api():
    """One pod that has ended, behind an API server."""
    api = PodApi()
    server = api.server()
    await server.start_server()
    api.hook = AsyncKubernetesHook(config_dict=kubeconfig(str(server.make_url("")).rstrip("/")))
    api.write("a line", "another")
    api.end(0)
    yield api
    await server.close()


def pod_of_job(api):
    pod = api.states[-1]
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": [{"uid": "j1"}]}}


async def read_as_job(api):
    pods = JobPods(JobApi(api.hook, "baton"), JOB, logging.getLogger("job"))
    pods._note(pod_of_job(api))
    await pods.finish()
    await pods.stop()


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "job"]


async def test_jobs_log_goes_on_after_a_refusal(api, caplog):
    """Its text is one line of the log, the container's lines follow."""
    caplog.set_level(logging.INFO)
    api.refusals = [REFUSAL]
    await read_as_job(api)
    assert said(caplog) == [f"[pod] {REFUSAL}", "[pod] a line", "[pod] another"]


async def test_jobs_log_that_stays_unreadable_is_said_to_be_incomplete(api, caplog):
    """The refusal once, then that the rest is missing."""
    caplog.set_level(logging.INFO)
    api.refusals = [REFUSAL] * 1000
    await read_as_job(api)
    assert said(caplog) == [f"[pod] {REFUSAL}", f"[pod] the rest of the log cannot be read: {REFUSAL}"]


async def test_any_end_of_a_jobs_log_is_told(api, caplog, monkeypatch):
    """Also by an error that nobody has thought of."""

    def broken(line):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(pod_log, "split_line", broken)
    await read_as_job(api)
    assert "A container's log cannot be read any further" in caplog.messages


class Scene:
    def __init__(self, cluster, api):
        self.cluster = cluster
        self.workload = self
        self.pods = [api.states[-1]]


async def collected(api):
    documents, refused = [], ""
    async with open_connection(api.hook, "baton") as cluster:
        try:
            async for document in collect_logs(Scene(cluster, api)):
                documents.append(document.content)
        except PartlyCollectedError as err:
            refused = str(err)
    return [[line.partition(" ")[2] for line in text.splitlines()] for text in documents], refused


async def test_diagnostics_ask_again_for_a_log(api):
    """What the kubelet says instead is no log."""
    api.refusals = [REFUSAL, REFUSAL]
    assert await collected(api) == ([["a line", "another"]], "")


async def test_diagnostics_name_a_log_that_stays_unreadable(api):
    """As something that could not be had, and not as a document."""
    api.refusals = [REFUSAL] * 1000
    assert await collected(api) == ([], f"the log of pod, base: {REFUSAL}")


async def test_diagnostics_take_an_empty_log_as_it_is(api):
    """A container that said nothing refuses nothing."""
    api.log = []
    assert await collected(api) == ([[]], "")
