"""Whether the only node is one for a pod: its taints, the pod's node selector, required node affinity and claims.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/ and recordings of a scheduler (v1.36).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .label_selectors import matches
from .node_capacity import unavailable

Object = dict[str, Any]
FindClaim = Callable[[str, str], Object | None]  # (namespace, name)
_CORDONED = "node.kubernetes.io/unschedulable"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_KEEPS_OUT = ("NoSchedule", "NoExecute")


def mismatch(pod: Object, node: Object, find_claim: FindClaim) -> str:
    """A scheduler's words for why a pod does not go on the node; empty if it does."""
    spec = node["spec"]
    if spec.get("unschedulable") and not _tolerates(pod, {"key": _CORDONED, "effect": "NoSchedule"}):
        return unavailable("1 node(s) were unschedulable", helps=False)
    taints = [taint for taint in spec.get("taints") or [] if taint.get("effect") in _KEEPS_OUT]
    if any(not _tolerates(pod, taint) for taint in taints if taint.get("key") != _CORDONED):
        return unavailable("1 node(s) had untolerated taint(s)", helps=False)
    if not _selects(pod["spec"], node):
        return unavailable("1 node(s) didn't match Pod's node affinity/selector", helps=False)
    for volume in pod["spec"].get("volumes") or []:
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if name and find_claim(pod["metadata"]["namespace"], name) is None:
            return f'0/1 nodes are available: persistentvolumeclaim "{name}" not found. not found'
    return ""


def _tolerates(pod: Object, taint: Object) -> bool:
    return any(_fits(toleration, taint) for toleration in pod["spec"].get("tolerations") or [])


def _fits(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint.get("key")):
        return False
    exists = toleration.get("operator") == "Exists"
    return exists or (bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or ""))


def _selects(spec: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED)
    terms = (affinity or {}).get("nodeSelectorTerms") or []
    return affinity is None or any(_term(term, labels, node["metadata"]["name"]) for term in terms)


def _term(term: Object, labels: Object, name: str) -> bool:
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    own = {"metadata.name": name}
    return all(_holds(each, labels) for each in expressions) and all(_holds(each, own) for each in fields)


def _holds(expression: Object, labels: Object) -> bool:
    word, key = expression["operator"], expression["key"]
    if word not in ("Gt", "Lt"):
        return matches({"matchExpressions": [expression]}, labels)
    try:
        have, wanted = int(labels[key]), int(expression["values"][0])
    except (KeyError, ValueError, IndexError):
        return False
    return have > wanted if word == "Gt" else have < wanted
