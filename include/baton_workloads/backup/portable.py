"""What of an object another cluster, or the same one after a loss, can take: without what its server has filled in.

Why more than a few fields: a Service's address is of its cluster's own range, a claim that names its old volume waits
for it for ever, a Job with its old selector is refused, and one that was finished would run again.
Source: the API conventions and the reference of each kind.
"""

from typing import Any

FILLED_IN = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink")
BOUND = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/")  # annotations of a claim's volume
JOB_LABELS = {"controller-uid", "batch.kubernetes.io/controller-uid"}

Object = dict[str, Any]


def is_passing(kind: str, item: Object) -> bool:
    """Say whether an object is kept by a controller, as a CronJob's Jobs are, or is over."""
    if any(owner.get("controller") for owner in item["metadata"].get("ownerReferences", [])):
        return True
    conditions = (item.get("status") or {}).get("conditions") or []
    ended = any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)
    return kind == "Job" and ended


def portable(kind: str, item: Object) -> Object:
    """Give metadata and content of an object as it can be applied again; the item is left as it is."""
    metadata = {name: value for name, value in item["metadata"].items() if name not in FILLED_IN}
    rest = {name: value for name, value in item.items() if name not in ("apiVersion", "kind", "metadata", "status")}
    fitted = {"metadata": metadata, **rest}
    change = CHANGES.get(kind)
    return change(fitted) if change else fitted


def _service(item: Object) -> Object:
    """Without its address, unless it is to have none."""
    spec = item.get("spec") or {}
    if spec.get("clusterIP") == "None":
        return item
    return {**item, "spec": _without(spec, {"clusterIP", "clusterIPs", "healthCheckNodePort"})}


def _claim(item: Object) -> Object:
    """Without the volume that it had."""
    metadata = item["metadata"]
    kept = {name: text for name, text in metadata.get("annotations", {}).items() if not name.startswith(BOUND)}
    metadata = _without(metadata, {"annotations"}) | ({"annotations": kept} if kept else {})
    return {**item, "metadata": metadata, "spec": _without(item.get("spec") or {}, {"volumeName"})}


def _job(item: Object) -> Object:
    """Without the selector and labels by which it knew its pods, unless somebody chose them."""
    spec = item.get("spec") or {}
    if spec.get("manualSelector"):
        return item
    template = spec.get("template") or {}
    pods = _without_labels(template.get("metadata") or {})
    spec = _without(spec, {"selector"}) | {"template": {**template, "metadata": pods}}
    return {**item, "metadata": _without_labels(item["metadata"]), "spec": spec}


def _without_labels(metadata: Object) -> Object:
    labels = _without(metadata.get("labels") or {}, JOB_LABELS)
    return _without(metadata, {"labels"}) | ({"labels": labels} if labels else {})


def _without(content: Object, names: set[str]) -> Object:
    return {name: value for name, value in content.items() if name not in names}


CHANGES = {"Service": _service, "PersistentVolumeClaim": _claim, "Job": _job}
