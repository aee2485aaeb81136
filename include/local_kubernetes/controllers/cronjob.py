"""CronJobs start Jobs on a schedule, one Job a tick, and keep account of them.

A Job's name holds its tick, so that no tick is started twice, whatever is forgotten in between. Of several missed ticks
only the latest runs, and only if its starting deadline allows.

Source: ``pkg/controller/cronjob/cronjob_controllerv2.go`` of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from kubernetes_cron import Schedule, ScheduleError, TimeZoneError, load_zone, parse
from local_kubernetes import clock
from local_kubernetes.deletion import DeleteOptions
from local_kubernetes.errors import ApiError
from local_kubernetes.operations import Operations
from local_kubernetes.store import Change, Key

from .controller import Controller, owned, owner_reference
from .cron_ticks import Ticks

Object = dict[str, Any]
JOBS = "jobs.batch"
SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_TOO_MANY = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
_BLOCKED = "Not starting job because prior execution is running and concurrency policy is Forbid"


class CronJobController(Controller):
    """Looks at a CronJob when its next tick comes, when it changes, and when one of its Jobs changes."""

    resource: ClassVar[str] = "cronjobs.batch"
    owner_kind: ClassVar[str] = "CronJob"
    watches: ClassVar[frozenset[str]] = frozenset({JOBS})

    def __init__(self, api: Operations) -> None:
        super().__init__(api)
        self._rescheduled: set[Key] = set()

    def keys_for(self, change: Change) -> Iterator[Key]:
        """As any controller's; a new schedule is remembered."""
        for key in super().keys_for(change):
            if key == change.key and _has_new_schedule(change):
                self._rescheduled.add(key)
            else:
                self._rescheduled.discard(key)
            yield key

    def reconcile(self, key: Key) -> float | None:
        """Start what is due and bring the status up to date."""
        rescheduled = key in self._rescheduled
        self._rescheduled.discard(key)
        cron_job = self.api.find(key.resource, key.namespace, key.name)
        if cron_job is None:
            return None
        visit = _Visit(self.api, cron_job)
        if rescheduled:  # a new schedule counts from its next tick on; what it would have missed is not made up for
            return visit.wait()
        try:
            return visit.run()
        finally:
            self.api.put_status(self.resource, cron_job, visit.status)


def _has_new_schedule(change: Change) -> bool:
    before, after = (change.before or {}).get("spec"), change.object["spec"]
    return before is not None and any(before.get(name) != after.get(name) for name in ("schedule", "timeZone"))


class _Visit:
    """One look at a CronJob. ``status`` is what it will be afterwards."""

    def __init__(self, api: Operations, cron_job: Object) -> None:
        self.status: Object = dict(cron_job.get("status") or {})
        self._api = api
        self._cron_job = cron_job
        self._spec: Object = cron_job["spec"]
        self._jobs = owned(api, JOBS, cron_job)

    def run(self) -> float | None:
        """Everything that is due; returns the seconds to the next tick."""
        self._trim_history()
        for job in self._jobs:
            self._note(job)
        self._forget_missing()
        if self._cron_job["metadata"].get("deletionTimestamp") or self._spec.get("suspend"):
            return None
        ticks = self._ticks()
        if ticks is None:
            return None
        tick = self._due(ticks)
        if tick is not None and self._may_start(tick, ticks):
            self._start(tick)
        return ticks.seconds_to_next()

    def wait(self) -> float | None:
        """The seconds to the next tick."""
        ticks = self._ticks()
        return ticks.seconds_to_next() if ticks and not self._spec.get("suspend") else None

    def _ticks(self) -> Ticks | None:
        schedule = self._schedule()
        return Ticks({**self._cron_job, "status": self.status}, schedule, clock.unix()) if schedule else None

    def _schedule(self) -> Schedule | None:
        """None if it cannot be read any more, such as after an update of the time zones."""
        # Without a zone the controller's own clock counts, which is on UTC in a cluster and so here.
        text, zone = self._spec["schedule"], self._spec.get("timeZone") or "UTC"
        try:
            return parse(text, zone)
        except TimeZoneError as err:
            self._record("UnknownTimeZone", f'invalid timeZone: "{zone}": {err}', warning=True)
        except ScheduleError as err:
            self._record("UnparseableSchedule", f'unparseable schedule: "{text}" : {err}', warning=True)
        return None

    def _due(self, ticks: Ticks) -> datetime | None:
        try:
            tick, many_missed = ticks.due()
        except ScheduleError as err:
            self._record("InvalidSchedule", f"invalid schedule: {self._spec['schedule']} : {err}", warning=True)
            return None
        if many_missed and tick is not None:
            self._record("TooManyMissedTimes", _TOO_MANY, warning=True)
        return tick

    def _may_start(self, tick: datetime, ticks: Ticks) -> bool:
        if ticks.is_too_late(tick):
            when = f"{tick:%a, %d %b %Y %H:%M:%S %z}"
            self._record("MissSchedule", f"Missed scheduled time to start a job: {when}", warning=True)
            return False
        name = self._job_name(tick)
        started = any(reference["name"] == name for reference in self._active)
        if started or self.status.get("lastScheduleTime") == clock.seconds(tick.timestamp()):
            return False
        if self._spec["concurrencyPolicy"] == "Forbid" and self._active:
            self._record("JobAlreadyActive", _BLOCKED)
            return False
        return True

    def _start(self, tick: datetime) -> None:
        if self._spec["concurrencyPolicy"] == "Replace":
            for reference in self._active:
                self._delete(reference)
        job = self._create(tick)
        if job is not None and all(reference["uid"] != job["metadata"]["uid"] for reference in self._active):
            self._active = [*self._active, _reference(job)]
            self.status["lastScheduleTime"] = clock.seconds(tick.timestamp())

    def _create(self, tick: datetime) -> Object | None:
        """The Job of a tick, made now or by an earlier look whose status was lost; None if somebody else's is there."""
        body = self._job(tick)
        name = body["metadata"]["name"]
        try:
            job = self._api.create(JOBS, self._cron_job["metadata"]["namespace"], body)
        except ApiError as err:
            if err.reason == "AlreadyExists":
                return next((job for job in self._jobs if job["metadata"]["name"] == name), None)
            if "because it is being terminated" not in err.message:
                self._record("FailedCreate", f"Error creating job: {err}", warning=True)
            raise
        self._record("SuccessfulCreate", f"Created job {name}")
        return job

    def _job(self, tick: datetime) -> Object:
        template = self._spec["jobTemplate"]
        given = template.get("metadata") or {}
        zone = load_zone(self._spec.get("timeZone") or "UTC")
        scheduled = tick.astimezone(zone).isoformat().replace("+00:00", "Z")
        metadata = {
            "name": self._job_name(tick),
            "annotations": {**(given.get("annotations") or {}), SCHEDULED_AT: scheduled},
            "ownerReferences": [owner_reference(self._cron_job)],
        }
        if given.get("labels"):
            metadata["labels"] = given["labels"]
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}

    def _job_name(self, tick: datetime) -> str:
        return f"{self._cron_job['metadata']['name']}-{int(tick.timestamp()) // 60}"

    def _note(self, job: Object) -> None:
        """Take a Job's end into account."""
        uid, name, ended = job["metadata"]["uid"], job["metadata"]["name"], _end(job)
        known = any(reference["uid"] == uid for reference in self._active)
        if not ended:
            if not known:
                message = f"Saw a job that the controller did not create or forgot: {name}"
                self._record("UnexpectedJob", message, warning=True)
            return
        if known:
            self._forget(uid)
            self._record("SawCompletedJob", f"Saw completed job: {name}, condition: {ended}")
        completed = job["status"].get("completionTime")
        if ended == "Complete" and completed:
            self.status["lastSuccessfulTime"] = max(completed, self.status.get("lastSuccessfulTime") or completed)

    def _forget_missing(self) -> None:
        existing = {job["metadata"]["uid"] for job in self._jobs}
        for reference in self._active:
            if reference["uid"] not in existing:
                self._forget(reference["uid"])
                self._record("MissingJob", f"Active job went missing: {reference['name']}")

    def _trim_history(self) -> None:
        for ended, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            if self._spec.get(limit) is None:
                continue
            jobs = sorted((job for job in self._jobs if _end(job) == ended), key=_started)
            for job in jobs[: max(0, len(jobs) - self._spec[limit])]:
                self._delete(job["metadata"])

    def _delete(self, job: Object) -> None:
        """Delete a Job, given by its reference or its metadata."""
        try:
            self._api.delete(JOBS, job["namespace"], job["name"], DeleteOptions(propagation="Background"))
        except ApiError as err:
            self._record("FailedDelete", f"Deleted job: {err}", warning=True)
            raise
        self._forget(job["uid"])
        self._record("SuccessfulDelete", f"Deleted job {job['name']}")

    @property
    def _active(self) -> list[Object]:
        return list(self.status.get("active") or [])

    @_active.setter
    def _active(self, references: list[Object]) -> None:
        self.status.pop("active", None)
        if references:
            self.status["active"] = references

    def _forget(self, uid: str) -> None:
        self._active = [reference for reference in self._active if reference["uid"] != uid]

    def _record(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._api.events.record(self._cron_job, reason, message, warning=warning, component="cronjob-controller")


def _end(job: Object) -> str:
    """``Complete`` or ``Failed`` when a Job has ended, else empty."""
    conditions = (job.get("status") or {}).get("conditions") or []
    ends = (c["type"] for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True")
    return next(ends, "")


def _started(job: Object) -> tuple[bool, str, str]:
    """Oldest first, what never started last."""
    start = (job.get("status") or {}).get("startTime")
    return start is None, start or "", job["metadata"]["name"]


def _reference(job: Object) -> Object:
    metadata = job["metadata"]
    return {
        "kind": "Job",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "batch/v1",
        "resourceVersion": metadata["resourceVersion"],
    }
