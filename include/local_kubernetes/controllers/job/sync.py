"""One look at one Job: what is to be made, deleted, counted and said."""

from __future__ import annotations

import itertools
from typing import Any

from local_kubernetes import clock
from local_kubernetes.controllers.controller import owned
from local_kubernetes.controllers.garbage import without_finalizer
from local_kubernetes.errors import ApiError
from local_kubernetes.kinds.job import condition
from local_kubernetes.operations import Operations

from . import indexes, pods
from .back_off import BackOff, pause
from .decision import REACHED, Ending, View

Object = dict[str, Any]
_MAX_PODS = 500  # made in one go


class Sync:
    """One look at one Job."""

    def __init__(self, api: Operations, job: Object, back_off: BackOff) -> None:
        self._api = api
        self._job = job
        self._back_off = back_off
        self._view = self._look()
        self._again: list[float] = []

    def run(self) -> float | None:
        """Do what is due; returns seconds until the next look without a change, or None."""
        status = dict(self._view.status)
        if not status.get("startTime") and not self._view.spec.get("suspend"):
            status["startTime"] = clock.now()
            self._put(status)
            status = dict(self._view.status)
        self._back_off.learn(self._view.pods, only_failed=self._view.only_failed)
        deadline = self._view.seconds_to_deadline()
        ending = self._view.ending()
        if ending is None and deadline is not None:
            self._again.append(deadline)
        ending = self._act(ending)
        self._count(ending)
        self._conclude(ending)
        return min(self._again, default=None)

    def _look(self) -> View:
        return View(self._job, owned(self._api, "pods", self._job))

    def _put(self, status: Object) -> None:
        self._job = self._api.put_status("jobs.batch", self._job, status)
        self._view = self._look()

    def _act(self, ending: Ending | None) -> Ending | None:
        """End the pods of a Job that is to end, else make or remove some; tells whether it has reached its goal."""
        view = self._view
        if ending is not None:
            for pod in view.active:
                self._delete(pod)
            return ending
        if not self._job["metadata"].get("deletionTimestamp"):
            self._manage()
        spec, active = view.spec, [pod for pod in self._look().pods if pods.is_active(pod)]
        wanted, done = spec.get("completions"), view.succeeded_count()
        complete = not active and (done > 0 if wanted is None else done >= wanted)
        return REACHED if complete and not self._job["metadata"].get("deletionTimestamp") else None

    def _manage(self) -> None:
        view = self._view
        active = view.active
        if view.spec.get("suspend"):
            self._remove(active)
            return
        wanted = self._wanted(len(active))
        surplus = self._surplus(active, wanted)
        if surplus:
            self._remove(surplus)
            return
        missing = wanted - len(active) - (view.terminating if view.only_failed else 0)
        if missing > 0:
            self._make(min(missing, _MAX_PODS))

    def _wanted(self, active: int) -> int:
        spec, done = self._view.spec, self._view.succeeded_count()
        completions, parallelism = spec.get("completions"), int(spec["parallelism"])
        if completions is None:
            return active if done > 0 else parallelism
        left = int(completions) - done - len(self._view.failed_indexes())
        return max(0, min(left, parallelism))

    def _surplus(self, active: list[Object], wanted: int) -> list[Object]:
        """Pods that are one too many: of an index that has one or needs none, then the least advanced ones."""
        useless: list[Object] = []
        if self._view.is_indexed:
            limit, ended = int(self._view.spec["completions"]), self._view.succeeded_indexes()
            seen: set[int | None] = set()
            for pod in sorted(active, key=pods.removal_rank, reverse=True):
                index = pods.index_of(pod)
                if index is None or index >= limit or index in ended or index in seen:
                    useless.append(pod)
                seen.add(index)
        rest = sorted((pod for pod in active if pod not in useless), key=pods.removal_rank)
        return [*useless, *rest[: max(0, len(rest) - wanted)]]

    def _make(self, number: int) -> None:
        if not self._view.limits_indexes:
            left = self._back_off.remaining()
            if left > 0:
                self._again.append(left)
                return
        for index in self._indexes(number) if self._view.is_indexed else [None] * number:
            self._create(index)

    def _indexes(self, number: int) -> list[int]:
        """The first indexes that have neither a pod nor an end, as many as wanted, those in back-off left out."""
        view = self._view
        busy = {pods.index_of(pod) for pod in view.active} | view.succeeded_indexes() | view.failed_indexes()
        if view.only_failed:
            busy |= {pods.index_of(pod) for pod in view.pods if pods.is_terminating(pod)}
        pending = (index for index in range(int(view.spec["completions"])) if index not in busy)
        delayed, ready = view.delayed(), []
        for index in itertools.islice(pending, number):
            failed = delayed.get(index)
            attempts = pods.failures_of(failed) + pods.failures_of(failed, pods.IGNORED_FAILURES) + 1 if failed else 0
            left = pods.finished_at(failed) + pause(attempts) - clock.unix() if failed else 0.0
            if left > 0:
                self._again.append(left)
            else:
                ready.append(index)
        return ready

    def _create(self, index: int | None) -> None:
        try:
            pod = self._api.create("pods", self._namespace, new_pod_of(self._view, index))
        except ApiError as err:
            self._tell("FailedCreate", f"Error creating: {err.message}", warning=True)
            raise
        self._tell("SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _remove(self, surplus: list[Object]) -> None:
        """Delete pods that are not wanted any more: they count as nothing."""
        for pod in surplus:
            self._delete(self._api.update("pods", without_finalizer(pod, pods.FINALIZER)))

    def _delete(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        if self._api.find("pods", self._namespace, name) is not None:
            self._api.delete("pods", self._namespace, name)
            self._tell("SuccessfulDelete", f"Deleted pod: {name}")

    def _count(self, ending: Ending | None) -> None:
        """Count ended pods: first their uids go into the status, then their finalizer goes, then the numbers change.

        Why: killed anywhere in between, the next look neither loses a pod nor counts it twice.
        """
        self._view = view = self._look()
        waiting = set() if ending else {pod["metadata"]["uid"] for pod in view.delayed().values()}
        failed = [pod for pod in view.new_failed() if pod["metadata"]["uid"] not in waiting]
        status = self._with_conditions(dict(view.status), ending)
        known = status.get("uncountedTerminatedPods") or {}
        uncounted = {
            "succeeded": [*(known.get("succeeded") or []), *(p["metadata"]["uid"] for p in view.new_succeeded())],
            "failed": [*(known.get("failed") or []), *(p["metadata"]["uid"] for p in failed)],
        }
        if view.is_indexed:
            status["completedIndexes"] = indexes.text(view.succeeded_indexes())
            if not status["completedIndexes"]:
                status.pop("completedIndexes")
            if view.limits_indexes:
                status["failedIndexes"] = indexes.text(view.failed_indexes())
        status["uncountedTerminatedPods"] = {part: uids for part, uids in uncounted.items() if uids}
        done = [p for p in view.tracked if self._is_done(p) and p["metadata"]["uid"] not in waiting]
        if uncounted["succeeded"] or uncounted["failed"]:
            self._put(status)
        for pod in done:
            self._api.update("pods", without_finalizer(pod, pods.FINALIZER))
        self._status = _counted(status, uncounted, indexed=view.is_indexed)

    def _is_done(self, pod: Object) -> bool:
        return pods.phase(pod) == "Succeeded" or pods.has_failed(pod, only_failed=self._view.only_failed)

    def _conclude(self, ending: Ending | None) -> None:
        self._view = view = self._look()
        status = self._status
        status |= {
            "active": len(view.active),
            "ready": sum(1 for pod in view.active if pods.is_ready(pod)),
            "terminating": view.terminating,
        }
        if not status["active"]:
            del status["active"]
        if ending is None:
            self._suspend_or_resume(status)
        elif not view.active and not view.terminating and not view.tracked:
            self._finish(status, ending)
        self._put(status)

    def _suspend_or_resume(self, status: Object) -> None:
        conditions = status.get("conditions") or []
        suspended = next((entry for entry in conditions if entry["type"] == "Suspended"), None)
        wanted = bool(self._view.spec.get("suspend"))
        if wanted == (suspended is not None and suspended["status"] == "True"):
            return
        word = "Suspended" if wanted else "Resumed"
        others = [entry for entry in conditions if entry["type"] != "Suspended"]
        made = _condition("Suspended", f"Job{word}", f"Job {word.lower()}", holds=wanted)
        status["conditions"] = [*others, made]
        self._tell(word, f"Job {word.lower()}")
        if wanted:
            status.pop("startTime", None)
        else:
            status["startTime"] = clock.now()  # the deadline begins anew

    def _with_conditions(self, status: Object, ending: Ending | None) -> Object:
        if ending is None or condition(self._job, ending.kind):
            return status
        made = _condition(ending.kind, ending.reason, ending.message)
        return {**status, "conditions": [*(status.get("conditions") or []), made]}

    def _finish(self, status: Object, ending: Ending) -> None:
        made = _condition(ending.final, ending.reason, ending.message)
        status["conditions"] = [*(status.get("conditions") or []), made]
        if ending.final == "Complete":
            status["completionTime"] = clock.now()
            self._tell("Completed", "Job completed")
        else:
            self._tell(ending.reason, ending.message, warning=True)

    def _tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._api.events.record(self._job, reason, message, warning=warning, component="job-controller")

    @property
    def _namespace(self) -> str:
        return str(self._job["metadata"]["namespace"])


def new_pod_of(view: View, index: int | None) -> Object:
    """The body of a Job's next pod; for an index with a limit of its own it says how often that has failed."""
    annotations = {}
    if view.limits_indexes and index is not None:
        failed = view.delayed().get(index)
        ignored = failed is not None and view.verdicts[failed["metadata"]["uid"]].action == "Ignore"
        counts = {
            name: pods.failures_of(failed, name) if failed else 0 for name in (pods.FAILURES, pods.IGNORED_FAILURES)
        }
        if failed is not None:
            counts[pods.IGNORED_FAILURES if ignored else pods.FAILURES] += 1
        annotations = {name: str(count) for name, count in counts.items() if count or name == pods.FAILURES}
    return pods.new_pod(view.job, index, annotations)


def _counted(status: Object, uncounted: dict[str, list[str]], *, indexed: bool) -> Object:
    succeeded = (
        len(indexes.parse(status.get("completedIndexes", "")))
        if indexed
        else status.get("succeeded", 0) + len(uncounted["succeeded"])
    )
    numbers = {"succeeded": succeeded, "failed": status.get("failed", 0) + len(uncounted["failed"])}
    rest = {name: value for name, value in status.items() if name not in numbers}
    return {**rest, **{name: value for name, value in numbers.items() if value}, "uncountedTerminatedPods": {}}


def _condition(kind: str, reason: str, message: str, *, holds: bool = True) -> Object:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "lastProbeTime": clock.now(),
        "lastTransitionTime": clock.now(),
        "reason": reason,
        "message": message,
    }
