"""Read a Job's status as Kubernetes means it.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COMPLETE, FAILED = "Complete", "Failed"
ENDING = {"SuccessCriteriaMet": COMPLETE, "FailureTarget": FAILED}
"""Condition → how the Job will end. Its pods are still being ended then."""


def true_conditions(job: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions that hold, by type."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return {condition["type"]: condition for condition in conditions if condition.get("status") == "True"}


def end_of(job: Mapping[str, Any]) -> str | None:
    """Return `Complete` or `Failed` when the Job has ended, else None.

    Why not SuccessCriteriaMet and FailureTarget: they say how it will end while its pods still run.
    """
    conditions = true_conditions(job)
    return next((kind for kind in (COMPLETE, FAILED) if kind in conditions), None)


def why_ended(job: Mapping[str, Any]) -> str:
    """Return the reason and message of the condition that ended it, such as `BackoffLimitExceeded: …`."""
    condition = true_conditions(job).get(end_of(job) or "", {})
    return ": ".join(text for text in (condition.get("reason"), condition.get("message")) if text)
