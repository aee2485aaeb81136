"""Jobs: defaults, validation and the table of ``kubectl get jobs``, as kube-apiserver v1.36 has them."""

from __future__ import annotations

import json
from typing import Any

from kubernetes_values import CHOICES
from local_kubernetes import clock
from local_kubernetes.errors import Cause
from local_kubernetes.resources import Column, Kind

from .columns import age, duration, name, template_columns
from .pod_check import not_supported, required
from .pod_template import check_template, complete_template

Object = dict[str, Any]
_UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
_NAME_LABELS = ("batch.kubernetes.io/job-name", "job-name")
_MODES = CHOICES["v1.CompletionMode"]
_REPLACEMENTS = CHOICES["v1.PodReplacementPolicy"]
_ACTIONS = CHOICES["v1.PodFailurePolicyAction"]
_OPERATORS = CHOICES["v1.PodFailurePolicyOnExitCodesOperator"]
_UNLIMITED = 2147483647
_MAX_INDEXES = 100_000
_FIXED = ("completions", "selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex",
          "maxFailedIndexes", "managedBy", "successPolicy", "manualSelector")  # fmt: skip


def complete_spec(spec: Object) -> Object:
    """A Job's ``spec`` with the defaults that do not depend on its name and uid."""
    given = {key: value for key, value in spec.items() if value is not None}
    defaults: Object = {}
    if "completions" not in given and "parallelism" not in given:
        defaults["completions"] = 1
    per_index = "backoffLimitPerIndex" in given
    only_failed = "podFailurePolicy" in given
    return {
        "parallelism": 1,
        **defaults,
        "backoffLimit": _UNLIMITED if per_index else 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "Failed" if only_failed else "TerminatingOrFailed",
        **given,
        "template": complete_template(given.get("template")),
    }


def _complete(obj: Object) -> Object:
    metadata, spec = obj["metadata"], {"manualSelector": False, **complete_spec(obj.get("spec") or {})}
    if not spec["manualSelector"]:
        own = dict.fromkeys(_UID_LABELS, metadata["uid"]) | dict.fromkeys(_NAME_LABELS, metadata["name"])
        template = spec["template"]
        labels = {**(template["metadata"].get("labels") or {}), **own}
        spec["template"] = {**template, "metadata": {**template["metadata"], "labels": labels}}
        spec.setdefault("selector", {"matchLabels": {_UID_LABELS[0]: metadata["uid"]}})
    if not metadata.get("labels"):
        metadata = {**metadata, "labels": spec["template"]["metadata"].get("labels") or {}}
    return {**obj, "metadata": metadata, "spec": spec, "status": {}}


def check_spec(spec: Object, field: str) -> list[Cause]:
    """What is wrong with a Job's ``spec`` that stands at ``field``."""
    causes = []
    for part in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
                 "backoffLimitPerIndex", "maxFailedIndexes"):  # fmt: skip
        causes += check_not_negative(spec.get(part), f"{field}.{part}")
    for part, supported in (("completionMode", _MODES), ("podReplacementPolicy", _REPLACEMENTS)):
        if spec[part] not in supported:
            causes.append(not_supported(f"{field}.{part}", spec[part], supported))
    causes += _check_indexes(spec, field)
    causes += _check_template(spec, f"{field}.template")
    if spec.get("podFailurePolicy"):
        causes += _check_policy(spec, field)
    return causes


def check_not_negative(value: Any, field: str) -> list[Cause]:
    """A number must not be below zero."""
    if isinstance(value, int) and value < 0:
        return [Cause(field, "FieldValueInvalid", f"Invalid value: {value}: must be greater than or equal to 0")]
    return []


def _check_indexes(spec: Object, field: str) -> list[Cause]:
    causes = []
    if spec["completionMode"] == "Indexed":
        if spec.get("completions") is None:
            causes.append(required(f"{field}.completions", "when completion mode is Indexed"))
        elif spec["parallelism"] > _MAX_INDEXES:
            message = (
                f"Invalid value: {spec['parallelism']}: must be less than or equal to {_MAX_INDEXES} when "
                "completion mode is Indexed"
            )
            causes.append(Cause(f"{field}.parallelism", "FieldValueInvalid", message))
        return causes
    for part in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
        if spec.get(part) is not None:
            message = f"Invalid value: {go_text(spec[part])}: requires indexed completion mode"
            causes.append(Cause(f"{field}.{part}", "FieldValueInvalid", message))
    return causes


def _check_template(spec: Object, field: str) -> list[Cause]:
    causes = check_template(spec["template"], field)
    where, policy = f"{field}.spec.restartPolicy", spec["template"]["spec"]["restartPolicy"]
    if policy == "Always":
        return [*causes, required(where, 'valid values: "OnFailure", "Never"')]
    if policy == "OnFailure" and spec.get("podFailurePolicy"):
        message = 'Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'
        return [*causes, Cause(where, "FieldValueInvalid", message)]
    return causes


def _check_policy(spec: Object, field: str) -> list[Cause]:
    causes = []
    for position, rule in enumerate(spec["podFailurePolicy"].get("rules") or []):
        where = f"{field}.podFailurePolicy.rules[{position}]"
        action = rule.get("action")
        if not action:
            causes.append(required(f"{where}.action", "valid values: [" + " ".join(f'"{a}"' for a in _ACTIONS) + "]"))
        elif action not in _ACTIONS:
            causes.append(not_supported(f"{where}.action", action, _ACTIONS))
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            message = 'Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'
            causes.append(Cause(f"{where}.action", "FieldValueInvalid", message))
        if ("onExitCodes" in rule) == bool(rule.get("onPodConditions")):
            message = "Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
            causes.append(Cause(where, "FieldValueInvalid", message))
        causes += _check_exit_codes(rule.get("onExitCodes") or {}, f"{where}.onExitCodes")
    return causes


def _check_exit_codes(rule: Object, field: str) -> list[Cause]:
    if not rule:
        return []
    causes = []
    if rule.get("operator") not in _OPERATORS:
        causes.append(not_supported(f"{field}.operator", rule.get("operator") or "", _OPERATORS))
    values = rule.get("values") or []
    if not values:
        causes.append(
            Cause(f"{field}.values", "FieldValueInvalid", "Invalid value: []: at least one value is required")
        )
    if rule.get("operator") == "In" and 0 in values:
        position = values.index(0)
        message = "Invalid value: 0: must not be 0 for the In operator"
        causes.append(Cause(f"{field}.values[{position}]", "FieldValueInvalid", message))
    return causes


def _check(obj: Object) -> list[Cause]:
    return check_spec(obj["spec"], "spec")


def _check_update(before: Object, after: Object) -> list[Cause]:
    was, now = before["spec"], after["spec"]
    causes = []
    for part in _FIXED:
        if was.get(part) != now.get(part) and not _may_change(part, was, now):
            message = f"Invalid value: {go_text(now.get(part))}: field is immutable"
            causes.append(Cause(f"spec.{part}", "FieldValueInvalid", message))
    return causes


def _may_change(part: str, was: Object, now: Object) -> bool:
    # An Indexed Job may be scaled when completions and parallelism change together.
    elastic = now["completionMode"] == "Indexed" and now.get("completions") == now["parallelism"]
    return part == "completions" and elastic


def go_text(value: Any) -> str:
    """A value as an error message shows it; where kube-apiserver prints Go's own types, this is JSON."""
    return json.dumps(value)


def is_finished(job: Object) -> bool:
    """Whether a Job is Complete or Failed."""
    return condition(job, "Complete") is not None or condition(job, "Failed") is not None


def condition(job: Object, kind: str) -> Object | None:
    """The condition of a kind, if it is True."""
    found = (job.get("status") or {}).get("conditions") or []
    return next((entry for entry in found if entry["type"] == kind and entry["status"] == "True"), None)


def _status(job: Object) -> str:
    words = ((word, kind) for word, kind in (("Complete", "Complete"), ("Failed", "Failed")))
    for word, kind in words:
        if condition(job, kind):
            return word
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if condition(job, kind):
            return kind
    return "Running"


def _completions(job: Object) -> str:
    done = (job.get("status") or {}).get("succeeded", 0)
    wanted, parallel = job["spec"].get("completions"), job["spec"]["parallelism"]
    if wanted is not None:
        return f"{done}/{wanted}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _took(job: Object) -> str:
    status = job.get("status") or {}
    if not status.get("startTime"):
        return ""
    failed = condition(job, "Failed")
    end = status.get("completionTime") or (failed["lastTransitionTime"] if failed else clock.now())
    return duration(max(0, int(clock.parse(end) - clock.parse(status["startTime"]))))


def _selector(job: Object) -> str:
    labels = (job["spec"].get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


JOB = Kind(
    plural="jobs",
    kind="Job",
    singular="job",
    group="batch",
    categories=("all",),
    subresources=("status",),
    fields=frozenset({"status.successful"}),
    columns=(
        name(),
        Column("Status", _status),
        Column("Completions", _completions),
        Column("Duration", _took),
        Column("Age", age),
        *template_columns(lambda job: job["spec"]["template"]["spec"]),
        Column("Selector", _selector, priority=1),
    ),
    counts_generations=True,
    default_propagation="Orphan",  # as batch/v1 has it since 1.2; kubectl asks for Background
    complete=_complete,
    check=_check,
    check_update=_check_update,
)
