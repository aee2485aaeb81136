"""Objects as a real cluster gives them, and as another one takes them."""

from typing import Any

import pytest

from baton_workloads.backup.portable import is_passing, portable

SERVER = {"uid": "1", "resourceVersion": "7", "creationTimestamp": "2026-11-22T01:00:00Z", "managedFields": []}
LABELS = {"app": "shop", "controller-uid": "1", "batch.kubernetes.io/controller-uid": "1"}


def made(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """An object as a server answers with it."""
    return {"metadata": {"name": "x", **SERVER, **metadata}, "spec": spec, "status": {"phase": "Bound"}}


SERVICE = {"type": "ClusterIP", "clusterIP": "10.43.0.9", "clusterIPs": ["10.43.0.9"], "ports": [{"port": 80}]}
HEADLESS = {"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}
BOUND = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n", "team": "shop"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": []}}
CASES = {
    "a Service": ("Service", made(SERVICE), {"type": "ClusterIP", "ports": [{"port": 80}]}, {}),
    "a headless Service": ("Service", made(HEADLESS), HEADLESS, {}),
    "a claim": (
        "PersistentVolumeClaim",
        made({"volumeName": "pvc-1", "storageClassName": "fast"}, annotations=BOUND),
        {"storageClassName": "fast"},
        {"annotations": {"team": "shop"}},
    ),
    "a Job": (
        "Job",
        made({"selector": {"matchLabels": {"controller-uid": "1"}}, "template": TEMPLATE}, labels=LABELS),
        {"template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": []}}},
        {"labels": {"app": "shop"}},
    ),
    "a Job whose selector somebody chose": (
        "Job",
        made({"manualSelector": True, "selector": {"matchLabels": {"app": "shop"}}, "template": TEMPLATE}),
        {"manualSelector": True, "selector": {"matchLabels": {"app": "shop"}}, "template": TEMPLATE},
        {},
    ),
    "any other": ("Deployment", made({"selector": {"matchLabels": LABELS}}), {"selector": {"matchLabels": LABELS}}, {}),
}


@pytest.mark.parametrize(("kind", "item", "spec", "metadata"), CASES.values(), ids=CASES)
def test_what_is_of_one_cluster_only_goes(
    kind: str, item: dict[str, Any], spec: dict[str, Any], metadata: dict[str, Any]
) -> None:
    """What people wrote stays."""
    assert portable(kind, item) == {"metadata": {"name": "x", **metadata}, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "condition", "owner", "passes"),
    [
        ("Job", "Complete", {}, True),
        ("Job", "Failed", {}, True),
        ("Job", "Suspended", {}, False),
        ("Certificate", "Failed", {}, False),
        ("Job", "Suspended", {"controller": True}, True),
        ("Secret", "Suspended", {"controller": False}, False),
    ],
)
def test_what_is_over_or_anothers_is_not_stored(kind: str, condition: str, owner: dict[str, Any], passes: bool) -> None:
    """A finished Job that is applied runs again; what a controller keeps it makes again."""
    item = {
        "metadata": {"name": "x", "ownerReferences": [owner]},
        "status": {"conditions": [{"type": condition, "status": "True"}]},
    }
    assert is_passing(kind, item) is passes
