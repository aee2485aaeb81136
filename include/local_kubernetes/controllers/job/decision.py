"""What a Job's pods mean for the Job: what is counted, and whether the Job is to end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local_kubernetes import clock
from local_kubernetes.kinds.job import condition

from . import indexes, pods
from .policies import Verdict, judge, success

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a Job is to end: the interim condition ``FailureTarget`` or ``SuccessCriteriaMet``."""

    kind: str
    reason: str
    message: str

    @property
    def final(self) -> str:
        """The condition that says it has ended."""
        return "Complete" if self.kind == "SuccessCriteriaMet" else "Failed"


REACHED = Ending("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")


@dataclass(slots=True)
class View:
    """A Job and its pods at one moment.

    :param pods: all that it controls.
    """

    job: Object
    pods: list[Object]
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.verdicts = {pod["metadata"]["uid"]: judge(self.job, pod) for pod in self.tracked if self._failed(pod)}

    @property
    def spec(self) -> Object:
        """The Job's ``spec``."""
        return dict(self.job["spec"])

    @property
    def status(self) -> Object:
        """The Job's ``status`` as it was read."""
        return self.job.get("status") or {}

    @property
    def is_indexed(self) -> bool:
        """Each pod has a completion index."""
        return bool(self.job["spec"]["completionMode"] == "Indexed")

    @property
    def limits_indexes(self) -> bool:
        """Each index has a back-off of its own."""
        return self.is_indexed and self.job["spec"].get("backoffLimitPerIndex") is not None

    @property
    def only_failed(self) -> bool:
        """A pod is replaced when it has ended, not when it begins to."""
        return bool(self.job["spec"]["podReplacementPolicy"] == "Failed")

    @property
    def tracked(self) -> list[Object]:
        """The pods that are not counted yet."""
        return [pod for pod in self.pods if pods.is_tracked(pod)]

    @property
    def active(self) -> list[Object]:
        """The pods that run or will."""
        return [pod for pod in self.pods if pods.is_active(pod)]

    @property
    def terminating(self) -> int:
        """How many pods are on their way out."""
        return sum(1 for pod in self.pods if pods.is_terminating(pod))

    def new_succeeded(self) -> list[Object]:
        """Succeeded pods that are not counted yet."""
        known = self._uncounted("succeeded")
        return [p for p in self.tracked if pods.phase(p) == "Succeeded" and p["metadata"]["uid"] not in known]

    def new_failed(self) -> list[Object]:
        """Failed pods that are not counted yet, and are not to be ignored."""
        known = self._uncounted("failed")
        return [
            pod
            for pod in self.tracked
            if self._failed(pod)
            and pod["metadata"]["uid"] not in known
            and self.verdicts[pod["metadata"]["uid"]].action != "Ignore"
        ]

    def succeeded_count(self) -> int:
        """Succeeded pods, or indexes."""
        if self.is_indexed:
            return len(self.succeeded_indexes())
        counted = int(self.status.get("succeeded", 0)) + len(self._uncounted("succeeded"))
        return counted + len(self.new_succeeded())

    def failed_count(self) -> int:
        """Failed pods."""
        return int(self.status.get("failed", 0)) + len(self._uncounted("failed")) + len(self.new_failed())

    def succeeded_indexes(self) -> set[int]:
        """The indexes that have succeeded."""
        limit = int(self.job["spec"].get("completions") or 0)
        found = indexes.parse(self.status.get("completedIndexes", ""), limit)
        return found | {i for i in _indexes(self.new_succeeded()) if i < limit}

    def failed_indexes(self) -> set[int]:
        """The indexes that have failed for good."""
        found = indexes.parse(self.status.get("failedIndexes", ""))
        if not self.limits_indexes:
            return found
        return found | set(_indexes(pod for pod in self.tracked if self._ends_index(pod)))

    def delayed(self) -> dict[int, Object]:
        """The last failed pod of each index that is to be tried again.

        Why: it is counted only when its successor, which says how often the index has failed, is there.
        """
        latest: dict[int, Object] = {}
        if not self.limits_indexes:
            return latest
        ended = self.failed_indexes() | self.succeeded_indexes()
        for pod in self.tracked:
            index = pods.index_of(pod)
            if index is None or index in ended or not self._failed(pod):
                continue
            if index not in latest or _attempt(latest[index]) < _attempt(pod):
                latest[index] = pod
        replaced = {pods.index_of(pod): _attempt(pod) for pod in self.active}
        return {index: pod for index, pod in latest.items() if replaced.get(index, -1) <= _attempt(pod)}

    def ending(self) -> Ending | None:
        """Why the Job is to end now, or None."""
        for kind in ("SuccessCriteriaMet", "FailureTarget"):
            known = condition(self.job, kind)
            if known is not None:
                return Ending(kind, known.get("reason", ""), known.get("message", ""))
        return self._failure() or self._early_success()

    def seconds_to_deadline(self) -> float | None:
        """Seconds until ``activeDeadlineSeconds`` have passed, or None."""
        limit, start = self.job["spec"].get("activeDeadlineSeconds"), self.status.get("startTime")
        if limit is None or start is None or self.job["spec"].get("suspend"):
            return None
        return clock.parse(start) + float(limit) - clock.unix()

    def _failure(self) -> Ending | None:
        spec = self.job["spec"]
        fatal = next((v for v in self.verdicts.values() if v.action == "FailJob"), None)
        if fatal is not None:
            return Ending("FailureTarget", "PodFailurePolicy", fatal.message)
        if self.failed_count() > spec["backoffLimit"] or self._restarted_too_often():
            message = "Job has reached the specified backoff limit"
            return Ending("FailureTarget", "BackoffLimitExceeded", message)
        left = self.seconds_to_deadline()
        if left is not None and left <= 0:
            return Ending("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
        return self._failed_indexes_end()

    def _failed_indexes_end(self) -> Ending | None:
        if not self.limits_indexes:
            return None
        spec, failed = self.job["spec"], len(self.failed_indexes())
        if spec.get("maxFailedIndexes") is not None and failed > spec["maxFailedIndexes"]:
            message = "Job has exceeded the specified maximal number of failed indexes"
            return Ending("FailureTarget", "MaxFailedIndexesExceeded", message)
        if failed and failed + len(self.succeeded_indexes()) >= spec["completions"]:
            return Ending("FailureTarget", "FailedIndexes", "Job has failed indexes")
        return None

    def _early_success(self) -> Ending | None:
        message = success(self.job, self.succeeded_indexes()) if self.is_indexed else ""
        return Ending("SuccessCriteriaMet", "SuccessPolicy", message) if message else None

    def _restarted_too_often(self) -> bool:
        if self.job["spec"]["template"]["spec"]["restartPolicy"] != "OnFailure":
            return False
        restarts = sum(pods.restarts_of(pod) for pod in self.pods if pods.phase(pod) in ("Pending", "Running"))
        limit = self.job["spec"]["backoffLimit"]
        return restarts > 0 if limit == 0 else restarts >= limit

    def _ends_index(self, pod: Object) -> bool:
        if not self._failed(pod) or pods.index_of(pod) is None:
            return False
        verdict = self.verdicts[pod["metadata"]["uid"]]
        if verdict.action == "FailIndex":
            return True
        return verdict.action != "Ignore" and pods.failures_of(pod) >= self.job["spec"]["backoffLimitPerIndex"]

    def _failed(self, pod: Object) -> bool:
        return pods.has_failed(pod, only_failed=self.only_failed)

    def _uncounted(self, part: str) -> set[str]:
        return set((self.status.get("uncountedTerminatedPods") or {}).get(part) or [])


def _attempt(pod: Object) -> int:
    return pods.failures_of(pod) + pods.failures_of(pod, pods.IGNORED_FAILURES)


def _indexes(found: Iterable[Object]) -> list[int]:
    return [index for pod in found if (index := pods.index_of(pod)) is not None]
