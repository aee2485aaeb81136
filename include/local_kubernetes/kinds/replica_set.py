"""ReplicaSets: defaults, refusals and columns; and what they share with Deployments."""

from __future__ import annotations

import json
from typing import Any

from local_kubernetes.errors import Cause
from local_kubernetes.label_selectors import matches
from local_kubernetes.resources import Column, Kind
from local_kubernetes.selector_parsing import selector_text

from .columns import age, name, template_columns
from .job import check_not_negative
from .pod_check import not_supported, required
from .pod_template import check_template, complete_template

Object = dict[str, Any]


def complete_replicas(spec: Object) -> Object:
    """A ``spec`` with one replica, if it does not say how many, and its template completed."""
    given = {key: value for key, value in spec.items() if value is not None}
    return {"replicas": 1, **given, "template": complete_template(given.get("template"))}


def check_replicas(spec: Object, kind: str) -> list[Cause]:
    """What is wrong with the numbers, the selector and the template of a ``spec``; ``kind`` is how messages name it."""
    causes = []
    for part in ("replicas", "minReadySeconds"):
        causes += check_not_negative(spec.get(part), f"spec.{part}")
    selector, template = spec.get("selector"), spec["template"]
    if selector is None:
        return [*causes, required("spec.selector")]
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(invalid_value("spec.selector", selector, f"empty selector is invalid for {kind}"))
    labels = template["metadata"].get("labels") or {}
    if not matches(selector, labels):
        why = "`selector` does not match template `labels`"
        causes.append(invalid_value("spec.template.metadata.labels", labels or None, why))
    return [*causes, *_check_template(template)]


def invalid_value(field: str, value: Any, why: str) -> Cause:
    """A value that a field must not have."""
    shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {why}")


def check_same_selector(before: Object, after: Object) -> list[Cause]:
    """The selector of an object never changes."""
    selector = after["spec"].get("selector")
    if selector == before["spec"].get("selector"):
        return []
    return [invalid_value("spec.selector", selector, "field is immutable")]


def _check_template(template: Object) -> list[Cause]:
    causes = check_template(template, "spec.template")
    spec = template["spec"]
    if spec["restartPolicy"] != "Always":
        causes.append(not_supported("spec.template.spec.restartPolicy", spec["restartPolicy"], ["Always"]))
    if spec.get("activeDeadlineSeconds") is not None:
        message = "Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"
        causes.append(Cause("spec.template.spec.activeDeadlineSeconds", "FieldValueForbidden", message))
    return causes


def _complete(obj: Object) -> Object:
    return {**obj, "spec": complete_replicas(obj.get("spec") or {}), "status": {"replicas": 0}}


def _check(obj: Object) -> list[Cause]:
    return check_replicas(obj["spec"], "replicaset")


def count(obj: Object, part: str) -> int:
    """A number of an object's status; 0 if it is not there yet."""
    return int((obj.get("status") or {}).get(part) or 0)


REPLICA_SET = Kind(
    plural="replicasets",
    kind="ReplicaSet",
    singular="replicaset",
    group="apps",
    short_names=("rs",),
    categories=("all",),
    subresources=("status", "scale"),
    fields=frozenset({"status.replicas"}),
    columns=(
        name(),
        Column("Desired", lambda obj: obj["spec"]["replicas"], "integer"),
        Column("Current", lambda obj: count(obj, "replicas"), "integer"),
        Column("Ready", lambda obj: count(obj, "readyReplicas"), "integer"),
        Column("Age", age),
        *template_columns(lambda obj: obj["spec"]["template"]["spec"]),
        Column("Selector", lambda obj: selector_text(obj["spec"]["selector"]), priority=1),
    ),
    counts_generations=True,
    complete=_complete,
    check=_check,
    check_update=check_same_selector,
)
