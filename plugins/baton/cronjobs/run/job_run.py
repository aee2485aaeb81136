"""Run one Job for a task: start it when its turn has come, follow it to its end, read its result."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from baton.cronjobs.run.job_body import cron_job_of, task_run_of, took_a_turn
from baton.cronjobs.run.job_follower import JobFollower
from baton.cronjobs.run.job_result import NONE, read_result
from baton.cronjobs.run.job_start import REPLACE, JobStart, Missed
from baton.cronjobs.run.job_state import (
    COMPLETE,
    FAILED,
    containers_of,
    end_by_events,
    end_of,
    last_failure,
    why_ended,
)
from baton.cronjobs.run.timing import Timing
from baton.kubernetes.api_streams import connection_errors
from baton.kubernetes.job_api import JobApi, NotThereError
from baton.kubernetes.job_states import JobGoneError, job_states

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

Object = dict[str, Any]

SUCCESS, FAILURE, SKIPPED, LOST = "success", "failed", "skipped", "lost"
REPLACED_SECONDS = 5
"""How long after a Job's deletion the one that replaces it may come."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a task asks for, as plain JSON.

    :param body: the Job.
    :param concurrency_policy: Allow, Forbid or Replace, as a CronJob means them.
    :param tick: Unix seconds; None where the start cannot be too late.
    :param schedule, time_zone, starting_deadline_seconds: as `Timing` has them.
    :param result: none, termination_message or xcom_file.
    :param deadline: Unix seconds at which the Job is deleted, from the task's `execution_timeout`.
    """

    body: Object
    concurrency_policy: str = "Allow"
    tick: float | None = None
    schedule: str | None = None
    time_zone: str | None = None
    starting_deadline_seconds: float | None = None
    result: str = NONE
    deadline: float | None = None

    def serialize(self) -> Object:
        """Return it as a trigger's argument."""
        return asdict(self)

    def timing(self) -> Timing | None:
        """Return what limits the start, None if nothing does."""
        if self.tick is None:
            return None
        tick = datetime.fromtimestamp(self.tick, UTC)
        return Timing(tick, self.schedule, self.time_zone, self.starting_deadline_seconds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the wait ended.

    :param status: `success`, `failed`, `skipped`, or `lost` for what the next try may do better.
    :param message: a sentence for people.
    :param result: what the Job's pods left, if it was asked for.
    """

    status: str
    message: str
    result: Any = None

    def serialize(self) -> Object:
        """Return it as a trigger's event; `Outcome(**event)` reads it."""
        return asdict(self)


class JobRun:
    """One Job from its creation to its end.

    :param log: a logger that writes into the task's log.
    :param uid: of the Job that an earlier part of the task started, None if there is none yet.
    :param created: the `creationTimestamp` of that Job.
    """

    def __init__(
        self,
        hook: AsyncKubernetesHook,
        request: JobRequest,
        log: Any = None,
        uid: str | None = None,
        created: str | None = None,
    ) -> None:
        metadata = request.body["metadata"]
        self.uid = uid
        self.created = created
        self.name: str = metadata["name"]
        self.full_name = f"Job {metadata['namespace']}/{metadata['name']}"
        self._request = request
        self._cron_job = str(cron_job_of(request.body))
        self._follower: JobFollower | None = None
        self._log: logging.Logger = log or logging.getLogger(__name__)
        self._api = JobApi(hook, metadata["namespace"])
        self._start = JobStart(self._api, request.body, request.concurrency_policy, request.timing(), self._log)

    async def start(self) -> Outcome | None:
        """Start the Job if its turn has come; `uid` tells whether it runs.

        :returns: an outcome if the tick is missed.
        :raises PermanentError: it cannot be started, see `JobStart.attempt`.
        """
        return self._started(await self._start.attempt())

    async def finish(self) -> Outcome:
        """Start the Job if it does not run yet, and follow it to its end.

        :raises PermanentError: it cannot be started, or its result cannot be read.
        """
        deadline = self._request.deadline
        try:
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.time())) as limit:
                return await self._finish()
        except connection_errors() as err:
            if limit.expired():
                return await self._end_late_job()
            return Outcome(LOST, f"{self.full_name}: the Kubernetes API does not answer: {type(err).__name__}: {err}")

    async def delete(self) -> None:
        """Delete the Job that this task made or adopted, if it has not ended; also one whose making was interrupted."""
        try:
            job = await self._api.read(self.name)
        except NotThereError:
            return
        uid: str = job["metadata"]["uid"]
        if self.uid is None and task_run_of(job) == task_run_of(self._request.body):
            self.uid = uid
        if self.uid == uid and end_of(job) is None:
            self._log.info("Deleting %s", self.full_name)
            await self._api.delete(self.name, uid)

    def _started(self, result: Object | Missed | None) -> Outcome | None:
        if isinstance(result, Missed):
            return Outcome(SKIPPED, result.why)
        if result is not None:
            self.uid = result["metadata"]["uid"]
            self.created = result["metadata"]["creationTimestamp"]
        return None

    async def _finish(self) -> Outcome:
        if self.uid is None and (missed := self._started(await self._start.wait_and_start())):
            return missed
        try:
            return await self._follow()
        except JobGoneError as err:
            return await self._gone(err)

    async def _follow(self) -> Outcome:
        try:
            async with aclosing(job_states(self._api, self.name, str(self.uid))) as jobs:
                async for job in jobs:
                    self.created = job["metadata"]["creationTimestamp"]
                    self._follower = self._follower or JobFollower(self._api, job, self._log)
                    self._follower.note(job)
                    if end := end_of(job):
                        return self._outcome(job, end, await self._follower.finish())
            raise RuntimeError("a Job's states end only with an error")
        finally:
            if self._follower is not None:
                await self._follower.stop()

    def _outcome(self, job: Object, end: str, pods: list[Object]) -> Outcome:
        if end == COMPLETE:
            result = read_result(pods, job["spec"], self._request.result) if self._request.result != NONE else None
            return Outcome(SUCCESS, f"{self.full_name} is complete", result)
        reasons = [text for text in (why_ended(job), last_failure(pods, containers_of(job))) if text]
        return Outcome(FAILURE, f"{self.full_name} failed: {'; '.join(reasons)}")

    async def _gone(self, err: JobGoneError) -> Outcome:
        """Find out what became of a Job that is not there any more: a ttl or a history limit removes ended ones."""
        end, why = (end_of(err.last), why_ended(err.last)) if err.last else (None, "")
        if end is None:
            end, why = end_by_events(await self._api.events(str(self.uid)))
        if end == COMPLETE and self._request.result == NONE:
            return Outcome(SUCCESS, f"{self.full_name} is complete, and was removed since")
        if end == COMPLETE:
            return Outcome(FAILURE, f"{self.full_name} is complete, but was removed before its result could be read")
        if end == FAILED:
            return Outcome(FAILURE, f"{self.full_name} failed: {why}")
        if self._request.concurrency_policy == REPLACE and (successor := await self._successor()):
            return Outcome(SKIPPED, f"{self.full_name} was replaced by Job {successor} (concurrencyPolicy Replace)")
        return Outcome(FAILURE, str(err))

    async def _successor(self) -> str | None:
        """The name of the Job of the same CronJob that came instead of this one, None if none did."""
        end = time.monotonic() + REPLACED_SECONDS
        while self.created is not None and time.monotonic() < end:
            for job in await self._api.list_all(self._api.jobs_path()):
                if self._came_later(job["metadata"]) and took_a_turn(job, self._cron_job):
                    return str(job["metadata"]["name"])
            await asyncio.sleep(0.5)
        return None

    def _came_later(self, metadata: Object) -> bool:
        if metadata["uid"] == self.uid:
            return False
        created: str = metadata["creationTimestamp"]
        # Of two Jobs of one second the one that is being deleted is the earlier one.
        return created > str(self.created) or (created == self.created and "deletionTimestamp" not in metadata)

    async def _end_late_job(self) -> Outcome:
        await self.delete()
        if self.uid is None:
            return Outcome(LOST, f"{self.full_name} could not start before the task's execution_timeout had passed")
        warning = self._follower.last_warning if self._follower else ""
        last = f"; the last warning about it was {warning}" if warning else ""
        return Outcome(LOST, f"{self.full_name} was deleted: the task's execution_timeout has passed{last}")
