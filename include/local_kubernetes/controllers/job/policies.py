"""What a failed pod means (``podFailurePolicy``), and when a Job has succeeded early (``successPolicy``).

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import indexes
from .pods import phase

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule that fits a failed pod: ``Count``, ``FailIndex``, ``FailJob`` or ``Ignore``, and a sentence."""

    action: str
    message: str = ""


def judge(job: Object, pod: Object) -> Verdict:
    """The first rule that fits decides; without one a failure counts."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or []
    if phase(pod) != "Failed":
        return Verdict("Count")
    for position, rule in enumerate(rules):
        message = _by_exit_code(rule, pod) if rule.get("onExitCodes") else _by_condition(rule, pod)
        if message:
            return Verdict(rule["action"], f"{message} matching {rule['action']} rule at index {position}")
    return Verdict("Count")


def _by_exit_code(rule: Object, pod: Object) -> str:
    wanted = rule["onExitCodes"]
    status, metadata = pod.get("status") or {}, pod["metadata"]
    for entry in [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]:
        code = ((entry.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code == 0 or wanted.get("containerName") not in (None, entry["name"]):
            continue
        if (code in (wanted.get("values") or [])) == (wanted["operator"] == "In"):
            where = f"{metadata['namespace']}/{metadata['name']}"
            return f"Container {entry['name']} for pod {where} failed with exit code {code}"
    return ""


def _by_condition(rule: Object, pod: Object) -> str:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    for pattern in rule.get("onPodConditions") or []:
        for condition in status.get("conditions") or []:
            wanted = (pattern["type"], pattern.get("status") or "True")
            if (condition["type"], condition["status"]) == wanted:
                return f"Pod {metadata['namespace']}/{metadata['name']} has condition {pattern['type']}"
    return ""


def success(job: Object, succeeded: set[int]) -> str:
    """The sentence that says which rule of ``successPolicy`` is met; empty if none is."""
    for position, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or []):
        wanted = indexes.parse(rule["succeededIndexes"]) if rule.get("succeededIndexes") else None
        met = succeeded if wanted is None else succeeded & wanted
        count = rule.get("succeededCount")
        if len(met) >= (len(wanted or ()) if count is None else count):
            return f"Matched rules at index {position}"
    return ""
