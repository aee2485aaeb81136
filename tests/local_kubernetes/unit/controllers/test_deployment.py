"""Deployments and ReplicaSets on a clock that jumps: pods get ready a second after they were created, or never."""

from __future__ import annotations

import math
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.golden.virtual_cluster import VirtualCluster

from local_kubernetes.controllers.deployment import DeploymentController
from local_kubernetes.controllers.deployment.sizes import grown, resized, shrunk
from local_kubernetes.controllers.garbage import GarbageCollector
from local_kubernetes.controllers.replica_set import ReplicaSetController
from local_kubernetes.deletion import DeleteOptions
from local_kubernetes.kinds.deployment import surge_and_unavailable

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"


class DeploymentCluster(VirtualCluster):
    """Deployments named ``d`` and what happens to their pods."""

    def __init__(self, directory, monkeypatch):
        self.pods_start = True
        controllers = [DeploymentController, ReplicaSetController, GarbageCollector]
        super().__init__(directory, controllers, monkeypatch, pods_start_after=self._start_after)

    def _start_after(self, _):
        return 1.0 if self.pods_start else math.inf

    def add(self, replicas=3, image="one", **spec):
        """Create the Deployment ``d``."""
        body = {"replicas": replicas, "selector": {"matchLabels": {"app": "d"}}, "template": template(image), **spec}
        return self.create(DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": body})

    def set_image(self, image):
        """What ``kubectl set image`` does."""
        old = self.get(DEPLOYMENTS, "d")["spec"]["template"]
        container = {**old["spec"]["containers"][0], "image": image}
        self.patch_spec(DEPLOYMENTS, "d", template={**old, "spec": {**old["spec"], "containers": [container]}})

    @property
    def status(self):
        """The status of ``d``."""
        return self.get(DEPLOYMENTS, "d")["status"]

    def condition(self, kind):
        """Status and reason of a condition of ``d``."""
        found = next((c for c in self.status["conditions"] if c["type"] == kind), None)
        return found and (found["status"], found["reason"])

    def pods(self, image=None, ready=None):
        """Pods, of an image, ready or not."""
        found = self.store.objects("pods")
        if image is not None:
            found = [pod for pod in found if pod["spec"]["containers"][0]["image"] == image]
        if ready is not None:
            found = [pod for pod in found if (pod["status"]["phase"] == "Running") is ready]
        return found

    def sets(self):
        """Sizes of the ReplicaSets by image."""
        found = self.store.objects(SETS)
        return {each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"] for each in found}

    def told(self):
        """Messages of the Deployment's events, the ReplicaSets' names left out."""
        events = [event for event in self.events("d") if event["involvedObject"]["kind"] == "Deployment"]
        return [" ".join(w for w in event["message"].split() if not w.startswith("d-")) for event in events]


def template(image):
    """A pod template with one container."""
    return {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": image}]}}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster of Deployments."""
    with closing(DeploymentCluster(tmp_path, monkeypatch)) as made:
        yield made


def test_a_new_deployment_gets_a_replica_set_and_pods(cluster):
    """Names, labels and owners lead from each to the next; the status says when all is ready."""
    deployment = cluster.add()
    cluster.run(0.5)
    assert cluster.condition("Available") == ("False", "MinimumReplicasUnavailable")
    assert cluster.condition("Progressing") == ("True", "ReplicaSetUpdated")
    cluster.run(5)

    (replica_set,) = cluster.store.objects(SETS)
    mark = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"d-{mark}"
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    assert replica_set["spec"]["selector"] == {"matchLabels": {"app": "d", "pod-template-hash": mark}}
    for pod in cluster.pods():
        assert pod["metadata"]["name"].startswith(f"d-{mark}-")
        assert pod["metadata"]["labels"] == {"app": "d", "pod-template-hash": mark}
        assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
    numbers = {part: value for part, value in cluster.status.items() if part != "conditions"}
    assert numbers == {
        "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
    }  # fmt: skip
    assert cluster.condition("Available") == ("True", "MinimumReplicasAvailable")
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")
    assert cluster.get(DEPLOYMENTS, "d")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert cluster.told() == ["Scaled up replica set from 0 to 3"]


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable"),
    [(1, "25%", "25%"), (3, "25%", "25%"), (4, 1, 0), (4, 0, 1), (10, 3, 2), (5, "100%", 0), (5, 0, "100%"), (0, 1, 0)],
)
def test_a_rolling_update_stays_within_its_limits(cluster, replicas, surge, unavailable):
    """Never more pods than the surge allows, never fewer ready ones than may be missing; all new at the end."""
    limits = {"maxSurge": surge, "maxUnavailable": unavailable}
    cluster.add(replicas, strategy={"rollingUpdate": limits})
    cluster.run(5)
    most = replicas + (surge if isinstance(surge, int) else math.ceil(int(surge[:-1]) * replicas / 100))
    missing = unavailable if isinstance(unavailable, int) else int(unavailable[:-1]) * replicas // 100
    seen = []

    cluster.set_image("two")
    cluster.run_until(cluster.now + 60, lambda: seen.append((len(cluster.pods()), len(cluster.pods(ready=True)))))

    assert all(pods <= most and ready >= replicas - missing for pods, ready in seen)
    assert (len(cluster.pods("one")), len(cluster.pods("two"))) == (0, replicas)
    assert cluster.sets() == {"one": 0, "two": replicas}
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")


def test_an_update_that_does_not_get_anywhere_is_told_and_can_be_undone(cluster):
    """The old pods stay; after the deadline the rollout has failed; the old template makes it whole again."""
    cluster.add(4, progressDeadlineSeconds=60)
    cluster.run(5)
    cluster.pods_start = False
    cluster.set_image("broken")
    cluster.run(59)
    assert cluster.condition("Progressing") == ("True", "ReplicaSetUpdated")
    assert len(cluster.pods("one", ready=True)) == 3

    cluster.run(5)
    assert cluster.condition("Progressing") == ("False", "ProgressDeadlineExceeded")
    assert cluster.condition("Available") == ("True", "MinimumReplicasAvailable")

    cluster.pods_start = True
    cluster.set_image("one")
    cluster.run(5)
    assert cluster.sets() == {"one": 4, "broken": 0}
    assert cluster.condition("Progressing") == ("True", "NewReplicaSetAvailable")
    marks = {image: each["metadata"]["annotations"] for image, each in by_image(cluster).items()}
    assert marks["one"]["deployment.kubernetes.io/revision"] == "3"
    assert marks["one"]["deployment.kubernetes.io/revision-history"] == "1"
    assert marks["broken"]["deployment.kubernetes.io/revision"] == "2"


def by_image(cluster):
    """The ReplicaSets by image."""
    return {each["spec"]["template"]["spec"]["containers"][0]["image"]: each for each in cluster.store.objects(SETS)}


def test_recreate_starts_new_pods_when_the_old_ones_are_gone(cluster):
    """Never pods of two templates at the same time."""
    cluster.add(strategy={"type": "Recreate"})
    cluster.run(5)
    images = []

    cluster.set_image("two")
    cluster.run_until(
        cluster.now + 10, lambda: images.append({pod["spec"]["containers"][0]["image"] for pod in cluster.pods()})
    )

    assert all(len(seen) <= 1 for seen in images)
    assert len(cluster.pods("two", ready=True)) == 3
    assert cluster.told()[1:] == ["Scaled down replica set from 3 to 0", "Scaled up replica set from 0 to 3"]


def test_scaling_follows_the_number_wanted(cluster):
    """Up, down, to nothing; no new revision."""
    cluster.add()
    for replicas in (5, 1, 0, 2):
        cluster.patch_spec(DEPLOYMENTS, "d", replicas=replicas)
        cluster.run(5)
        assert len(cluster.pods()) == replicas
        assert cluster.status.get("availableReplicas", 0) == replicas
        assert cluster.status["observedGeneration"] == cluster.get(DEPLOYMENTS, "d")["metadata"]["generation"]
    assert list(cluster.sets()) == ["one"]


def test_a_paused_deployment_is_scaled_but_not_updated(cluster):
    """After it was resumed the update goes on."""
    cluster.add(paused=True)
    cluster.run(5)
    assert cluster.pods() == []

    cluster.patch_spec(DEPLOYMENTS, "d", paused=False)
    cluster.run(5)
    cluster.patch_spec(DEPLOYMENTS, "d", paused=True)
    cluster.set_image("two")
    cluster.patch_spec(DEPLOYMENTS, "d", replicas=5)
    cluster.run(5)
    assert len(cluster.pods("one", ready=True)) == 5
    assert cluster.condition("Progressing") == ("Unknown", "DeploymentPaused")

    cluster.patch_spec(DEPLOYMENTS, "d", paused=False)
    cluster.run(10)
    assert (len(cluster.pods()), len(cluster.pods("two", ready=True))) == (5, 5)


def test_only_so_many_old_revisions_are_kept(cluster):
    """The oldest go."""
    cluster.add(1, revisionHistoryLimit=2)
    for image in ("two", "three", "four", "five"):
        cluster.run(10)
        cluster.set_image(image)
    cluster.run(10)

    assert cluster.sets() == {"three": 0, "four": 0, "five": 1}


def test_a_pod_counts_when_it_was_ready_for_long_enough(cluster):
    """``minReadySeconds`` slows a rollout down."""
    cluster.add(1, minReadySeconds=10)
    cluster.run(9)
    assert "availableReplicas" not in cluster.status

    cluster.run(3)
    assert cluster.status["availableReplicas"] == 1


def test_a_new_size_in_the_middle_of_an_update_keeps_the_proportions(cluster):
    """Ten and three of thirteen become twice as many, as near as can be, and the update ends well."""
    cluster.add(10, strategy={"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    cluster.run(5)
    cluster.pods_start = False
    cluster.set_image("two")
    cluster.run(5)
    assert cluster.sets() == {"one": 8, "two": 5}

    cluster.patch_spec(DEPLOYMENTS, "d", replicas=20)
    cluster.run(1)
    assert cluster.sets() == {"one": 14, "two": 9}

    cluster.pods_start = True
    for pod in cluster.pods(ready=False):
        cluster.api.delete("pods", "test", pod["metadata"]["name"])
    cluster.run(30)
    assert cluster.sets() == {"one": 0, "two": 20}


def test_a_replica_set_of_that_name_does_not_stop_a_deployment(cluster):
    """Somebody else's ReplicaSet has the name that the template's hash makes: another name is taken."""
    cluster.add(1)
    cluster.run(5)
    (ours,) = cluster.store.objects(SETS)
    cluster.api.delete(DEPLOYMENTS, "test", "d")
    cluster.run(5)
    foreign = {"selector": {"matchLabels": {"app": "x"}}, "replicas": 0}
    foreign["template"] = {**template("x"), "metadata": {"labels": {"app": "x"}}}
    cluster.create(SETS, {"metadata": {"name": ours["metadata"]["name"]}, "spec": foreign})

    cluster.add(1)
    cluster.run(5)

    assert len(cluster.pods("one", ready=True)) == 1
    assert cluster.status["collisionCount"] == 1


def test_a_pod_that_is_gone_or_ended_or_taken_away_is_replaced(cluster):
    """Deleted, failed, or with its label changed: the number is kept; a pod without a master is taken in."""
    cluster.add(3)
    cluster.run(5)
    gone, failed, taken = cluster.pods()
    cluster.api.delete("pods", "test", gone["metadata"]["name"])
    cluster.api.put_status("pods", failed, {"phase": "Failed", "reason": "Evicted"})
    labels = {**taken["metadata"]["labels"], "app": "debugging"}
    taken = cluster.api.update("pods", {**taken, "metadata": {**taken["metadata"], "labels": labels}})
    cluster.run(5)
    assert len(cluster.pods(ready=True)) == 4
    assert cluster.status["availableReplicas"] == 3
    released = cluster.get("pods", taken["metadata"]["name"])
    assert "ownerReferences" not in released["metadata"]

    labels = {**labels, "app": "d"}
    cluster.api.update("pods", {**released, "metadata": {**released["metadata"], "labels": labels}})
    cluster.patch_spec(SETS, cluster.store.objects(SETS)[0]["metadata"]["name"], minReadySeconds=1)
    cluster.run(5)
    assert len(cluster.pods(ready=True)) == 3


def test_of_too_many_pods_the_least_useful_go_first(cluster):
    """Those that are not ready, then those that are said to be cheap, then the youngest."""
    cluster.add(2)
    cluster.run(100)
    old = {pod["metadata"]["name"] for pod in cluster.pods()}
    cluster.patch_spec(DEPLOYMENTS, "d", replicas=4)
    cluster.run(100)
    cheap = cluster.pods()[0]
    notes = {"controller.kubernetes.io/pod-deletion-cost": "-1"}
    cluster.api.update("pods", {**cheap, "metadata": {**cheap["metadata"], "annotations": notes}})
    cluster.pods_start = False
    cluster.patch_spec(DEPLOYMENTS, "d", replicas=5)
    cluster.run(5)

    cluster.patch_spec(DEPLOYMENTS, "d", replicas=3)
    cluster.run(5)

    left = {pod["metadata"]["name"] for pod in cluster.pods()}
    assert len(cluster.pods(ready=True)) == 3
    assert old - {cheap["metadata"]["name"]} <= left


def test_deleting_a_deployment_takes_everything_along(cluster):
    """By the garbage collector."""
    cluster.add()
    cluster.run(5)
    cluster.api.delete(DEPLOYMENTS, "test", "d")
    cluster.run(5)

    assert cluster.store.objects(SETS) == cluster.pods() == []


def test_what_a_deployment_left_behind_is_taken_in_by_the_next(cluster):
    """Deleted without its ReplicaSet and pods, and created again: the same pods go on."""
    cluster.add()
    cluster.run(5)
    before = {pod["metadata"]["name"] for pod in cluster.pods()}
    cluster.api.delete(DEPLOYMENTS, "test", "d", DeleteOptions(propagation="Orphan"))
    cluster.run(5)
    assert len(cluster.pods()) == 3

    again = cluster.add()
    cluster.run(5)

    (replica_set,) = cluster.store.objects(SETS)
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == again["metadata"]["uid"]
    assert {pod["metadata"]["name"] for pod in cluster.pods()} == before


def sized(name, replicas, available=None, most=None):
    """A ReplicaSet as the arithmetic sees it."""
    notes = {} if most is None else {"deployment.kubernetes.io/max-replicas": str(most)}
    metadata = {"name": name, "creationTimestamp": name, "annotations": notes}
    ready = replicas if available is None else available
    return {"metadata": metadata, "spec": {"replicas": replicas}, "status": {"availableReplicas": ready}}


def rolling(replicas, surge, unavailable):
    """A Deployment's spec as the arithmetic sees it."""
    limits = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": limits}}


SIZES = st.integers(0, 12)


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.integers(1, 12),
    st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda share: f"{share}%")),
    st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda share: f"{share}%")),
    st.tuples(SIZES, SIZES),
    st.lists(st.tuples(SIZES, SIZES), max_size=3),
)
def test_no_step_breaks_a_limit(replicas, surge, unavailable, newest, old):
    """Whatever the sizes and however many are available: growing keeps the surge, shrinking what must be there."""
    spec = rolling(replicas, surge, unavailable)
    most, missing = surge_and_unavailable(spec)
    first = sized("n", newest[0], min(newest))
    others = [sized(f"o{place}", size, min(size, ready)) for place, (size, ready) in enumerate(old)]
    everything = newest[0] + sum(size for size, _ in old)

    bigger = grown(spec, newest[0], everything)
    assert bigger <= replicas
    assert bigger <= newest[0] or everything - newest[0] + bigger <= replicas + most

    smaller = shrunk(spec, first, others)
    ready = min(newest) + sum(min(pair) for pair in old)
    # Of a ReplicaSet that shrinks, pods that are not available go first.
    left = min(newest) + sum(min(min(pair), smaller.get(f"o{place}", pair[0])) for place, pair in enumerate(old))
    assert all(0 <= size < old[int(name[1:])][0] for name, size in smaller.items())
    assert left >= min(ready, replicas - missing)


@pytest.mark.parametrize(
    ("newest", "old", "expected"),
    [
        (sized("n", 5, 0), [sized("a", 8)], {}),
        (sized("n", 5, 5), [sized("a", 8)], {"a": 3}),
        (sized("n", 5, 0), [sized("a", 8, 6), sized("b", 2)], {"a": 6}),
        (sized("n", 3, 3), [sized("a", 4, 0), sized("b", 6)], {"a": 0, "b": 5}),
    ],
)
def test_old_replica_sets_shrink_by_what_may_be_missing(newest, old, expected):
    """Ten replicas, three more or two less allowed; pods that are of no use go first."""
    assert shrunk(rolling(10, 3, 2), newest, old) == expected


@pytest.mark.parametrize(
    ("replicas", "sets", "expected"),
    [
        (20, [sized("a", 8, most=13), sized("b", 5, most=13)], {"a": 14, "b": 9}),
        (5, [sized("a", 8, most=13), sized("b", 5, most=13)], {"a": 5, "b": 3}),
        (0, [sized("a", 8, most=13), sized("b", 5, most=13)], {"a": 0, "b": 0}),
        (10, [sized("a", 5, most=10), sized("b", 5, most=10)], {"a": 6, "b": 7}),
        (10, [sized("a", 8), sized("b", 5)], {"a": 8, "b": 5}),
    ],
)
def test_a_new_size_is_shared_out_in_proportion(replicas, sets, expected):
    """Up to a surge of three; what is left over goes to the largest, of equal ones to the newest."""
    assert resized(rolling(replicas, 3, 2), sets, 0) == expected
