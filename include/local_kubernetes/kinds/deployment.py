"""Deployments: defaults, what kube-apiserver refuses, the table of ``kubectl get deployments``."""

from __future__ import annotations

import math
import re
from typing import Any

from local_kubernetes.errors import Cause
from local_kubernetes.resources import Column, Kind
from local_kubernetes.selector_parsing import selector_text

from .columns import age, name, template_columns
from .job import check_not_negative
from .pod_check import not_supported
from .replica_set import check_replicas, check_same_selector, complete_replicas, count, invalid_value

Object = dict[str, Any]
_STRATEGIES = ("Recreate", "RollingUpdate")
_LIMITS = ("maxUnavailable", "maxSurge")
_PERCENT = re.compile(r"[0-9]+%")


def _complete(obj: Object) -> Object:
    spec = {
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **complete_replicas(obj.get("spec") or {}),
    }
    strategy = {"type": "RollingUpdate", **(spec.get("strategy") or {})}
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {**dict.fromkeys(_LIMITS, "25%"), **(strategy.get("rollingUpdate") or {})}
    return {**obj, "spec": {**spec, "strategy": strategy}, "status": {}}


def _check(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes = check_replicas(spec, "deployment") + _check_strategy(spec["strategy"])
    causes += check_not_negative(spec["revisionHistoryLimit"], "spec.revisionHistoryLimit")
    deadline = spec["progressDeadlineSeconds"]
    causes += check_not_negative(deadline, "spec.progressDeadlineSeconds")
    if deadline <= spec.get("minReadySeconds", 0):
        causes.append(invalid_value("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return causes


def _check_strategy(strategy: Object) -> list[Cause]:
    field = "spec.strategy"
    if strategy["type"] not in _STRATEGIES:
        return [not_supported(f"{field}.type", strategy["type"], _STRATEGIES)]
    field += ".rollingUpdate"
    if strategy["type"] == "Recreate":
        message = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        return [Cause(field, "FieldValueForbidden", message)] if strategy.get("rollingUpdate") else []
    limits = strategy["rollingUpdate"]
    causes = [cause for part in _LIMITS for cause in _check_limit(limits[part], f"{field}.{part}")]
    if not causes and all(limits[part] in (0, "0%") for part in _LIMITS):
        why = "may not be 0 when `maxSurge` is 0"
        causes.append(invalid_value(f"{field}.maxUnavailable", limits["maxUnavailable"], why))
    return causes


def _check_limit(value: Any, field: str) -> list[Cause]:
    if isinstance(value, int):
        return check_not_negative(value, field)
    if not _PERCENT.fullmatch(str(value)):
        return [invalid_value(field, value, "must be an integer or percentage (e.g '5%%')")]
    if field.endswith("maxUnavailable") and int(value[:-1]) > 100:
        return [invalid_value(field, value, "must not be greater than 100%")]
    return []


def surge_and_unavailable(spec: Object) -> tuple[int, int]:
    """How many pods a rolling update may add and how many may be missing; never both none.

    A Recreate strategy has neither.
    """
    strategy, replicas = spec["strategy"], int(spec["replicas"])
    if strategy["type"] != "RollingUpdate":
        return 0, 0
    surge = _share(strategy["rollingUpdate"]["maxSurge"], replicas, math.ceil)
    unavailable = _share(strategy["rollingUpdate"]["maxUnavailable"], replicas, math.floor)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


def _share(value: Any, whole: int, rounded: Any) -> int:
    return int(rounded(int(value[:-1]) * whole / 100)) if isinstance(value, str) else int(value)


DEPLOYMENT = Kind(
    plural="deployments",
    kind="Deployment",
    singular="deployment",
    group="apps",
    short_names=("deploy",),
    categories=("all",),
    subresources=("status", "scale"),
    columns=(
        name(),
        Column("Ready", lambda obj: f"{count(obj, 'readyReplicas')}/{obj['spec']['replicas']}"),
        Column("Up-to-date", lambda obj: count(obj, "updatedReplicas")),
        Column("Available", lambda obj: count(obj, "availableReplicas")),
        Column("Age", age),
        *template_columns(lambda obj: obj["spec"]["template"]["spec"]),
        Column("Selector", lambda obj: selector_text(obj["spec"]["selector"]), priority=1),
    ),
    counts_generations=True,
    complete=_complete,
    check=_check,
    check_update=check_same_selector,
)
