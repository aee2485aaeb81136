"""The Job controller against what kube-controller-manager v1.36.2 did with the same Jobs."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from tests.golden.virtual_cluster import START, VirtualCluster

from local_kubernetes.controllers.garbage import GarbageCollector
from local_kubernetes.controllers.job import JobController
from local_kubernetes.deletion import DeleteOptions

RECORDING = json.loads((Path(__file__).parent / "job-controller-v1.36.2.json").read_text())["jobs"]
# The recording's observer looked every 0.4 s, and its stand-in for the kubelet took up to 2 s.
TOLERANCE_SECONDS = 4.0


class Replay:
    """One Job of the recording, run anew."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.timeline = []
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": RECORDING[name]["spec"]}
        cluster.api.create("jobs.batch", "test", body)
        for row in RECORDING[name]["timeline"]:
            if "action" in row:
                cluster.at(START + row["t"], lambda action=row["action"]: self.act(action))
        cluster.run_until(START + RECORDING[name]["timeline"][-1]["t"] + 10, self.look)

    def act(self, action):
        """Do to the Job what was done in the recording."""
        word, _, argument = action.partition(" ")
        if word == "delete":
            self.cluster.api.delete("jobs.batch", "test", self.name, DeleteOptions(propagation=argument))
            return
        job = self.cluster.api.find("jobs.batch", "test", self.name)
        change = {"parallelism": int(argument)} if word == "parallelism" else {"suspend": word == "suspend"}
        self.cluster.api.update("jobs.batch", {**job, "spec": {**job["spec"], **change}})

    def look(self):
        """Note the state as the recording's observer did."""
        self.timeline.append(self.row())

    def row(self):
        """A row of the recording's form."""
        job = self.cluster.api.find("jobs.batch", "test", self.name)
        found = self.cluster.store.objects("pods", "test")
        row = {"t": self.cluster.now - START, "pods": [self.pod(pod) for pod in found]}
        if job is None:
            return {**row, "gone": True}
        status = job["status"]
        for name in ("active", "ready", "terminating", "succeeded", "failed", "completedIndexes", "failedIndexes"):
            if name in status:
                row[name] = status[name]
        row["conditions"] = [[c["type"], c["status"], c["reason"]] for c in status.get("conditions") or []]
        return row

    def pod(self, pod):
        """A pod of the recording's form."""
        metadata = pod["metadata"]
        index = (metadata.get("annotations") or {}).get("batch.kubernetes.io/job-completion-index")
        suffix = metadata["name"].removeprefix(self.name)
        return [suffix, pod["status"]["phase"], bool(metadata.get("deletionTimestamp")), index]


def end(timeline):
    """The last state, names of pods left out."""
    last = dict(timeline[-1])
    pods = sorted((phase, deleting, index or "") for _, phase, deleting, index in last.pop("pods"))
    rest = {key: value for key, value in last.items() if key not in ("t", "deleting", "startTime", "completionTime")}
    return {**rest, "pods": pods}


def milestones(timeline):
    """What was counted, one state after another."""
    rows = [row for row in timeline if "action" not in row and "gone" not in row]
    names = ("succeeded", "failed", "completedIndexes", "failedIndexes")
    states = [tuple(row.get(name) or ("" if "Indexes" in name else 0) for name in names) for row in rows]
    return [state for at, state in enumerate(states) if at == 0 or state != states[at - 1]]


def start_delays(timeline):
    """Seconds from each pod's creation to Running, as the recording's stand-in for the kubelet took them."""
    seen, running = {}, {}
    for row in timeline:
        for suffix, phase, _, _ in row.get("pods", []):
            seen.setdefault(suffix, row["t"])
            if phase != "Pending":
                running.setdefault(suffix, row["t"])
    return sorted((seen[suffix], at - seen[suffix]) for suffix, at in running.items())


def pauses(timeline):
    """Seconds from a failure to the pod that replaces it."""
    found = []
    failed_at, failures, known = None, 0, len(timeline[0]["pods"])
    for before, after in pairwise(row for row in timeline if "pods" in row):
        failed = sum(1 for pod in after["pods"] if pod[1] == "Failed")
        if failed > failures:
            failed_at, failures = after["t"], failed
        if len(after["pods"]) > len(before["pods"]) and failed_at is not None and len(after["pods"]) > known:
            found.append(after["t"] - failed_at)
            failed_at = None
    return found


@pytest.fixture
def replay(tmp_path, monkeypatch):
    """Runs a Job of the recording."""
    clusters = []

    def run(name):
        delays = [delay for _, delay in start_delays(RECORDING[name]["timeline"])]
        pods_start_after = dict(enumerate(delays)).get
        controllers = [JobController, GarbageCollector]
        cluster = VirtualCluster(
            tmp_path, controllers, monkeypatch, pods_start_after=lambda n: pods_start_after(n, 1.0)
        )
        clusters.append(cluster)
        return Replay(cluster, name)

    yield run
    clusters[0].close()


@pytest.mark.parametrize("name", RECORDING)
def test_a_job_ends_as_the_real_one(replay, name):
    """Counters, conditions in their order with their reasons, indexes, pods."""
    assert end(replay(name).timeline) == end(RECORDING[name]["timeline"])


@pytest.mark.parametrize("name", RECORDING)
def test_a_job_counts_as_the_real_one(replay, name):
    """The same numbers, one after another."""
    assert milestones(replay(name).timeline) == milestones(RECORDING[name]["timeline"])


def test_pods_that_outlive_their_job_wait_for_nobody(replay):
    """Orphaned pods lose the finalizer by which the Job counted them, so that they can be deleted."""
    cluster = replay("deleted-orphan").cluster

    assert [pod["metadata"].get("finalizers") for pod in cluster.store.objects("pods", "test")] == [None]


@pytest.mark.parametrize("name", RECORDING)
def test_failed_pods_are_replaced_after_the_same_pause(replay, name):
    """10 s, 20 s, 40 s: for the Job as a whole, or for each index."""
    ours, real = pauses(replay(name).timeline), pauses(RECORDING[name]["timeline"])

    assert ours == pytest.approx(real, abs=TOLERANCE_SECONDS)
