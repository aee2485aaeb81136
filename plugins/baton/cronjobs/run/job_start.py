"""Start a Job when its turn has come: by its concurrency policy, its tick, and what is there already.

The rules are the CronJob controller's. A tick that exists is adopted, however late; one that would overlap waits
(Forbid) or deletes what runs (Replace); one that was missed is skipped.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from baton.cronjobs.run.job_body import counts_as_running, cron_job_of, task_run_of
from baton.cronjobs.run.job_state import end_of
from baton.cronjobs.run.timing import Timing
from baton.exceptions import PermanentError
from baton.kubernetes.job_api import AlreadyThereError, JobApi, NotThereError, RefusedError
from baton.kubernetes.job_states import JobGoneError, job_states

Object = dict[str, Any]

ALLOW, FORBID, REPLACE = "Allow", "Forbid", "Replace"
POLICIES = (ALLOW, FORBID, REPLACE)


class ForeignJobError(PermanentError):
    """The name is taken by a Job that belongs to something else."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The tick must not start any more.

    :param why: a sentence.
    """

    why: str


class JobStart:
    """The way to a Job that runs.

    :param policy: Allow, Forbid or Replace.
    :param timing: None for a run that cannot come too late: by hand, or cleared.
    """

    def __init__(self, api: JobApi, body: Object, policy: str, timing: Timing | None, log: Any) -> None:
        self._api = api
        self._body = body
        self._policy = policy
        self._timing = timing
        self._log = log
        self._name: str = body["metadata"]["name"]
        self._cron_job = str(cron_job_of(body))
        self._told: str | None = None

    async def attempt(self) -> Object | Missed | None:
        """Return the Job that was made or adopted, why it is missed, or None while another one is in its way.

        :raises ForeignJobError: the name is taken by something else.
        :raises RefusedError: the API server does not take the Job.
        """
        while True:
            found = await self._find()
            if found is not None:
                return found
            if (why := self._missed()) is not None:
                return Missed(why)
            if self._timing and await self._ran_elsewhere(self._timing):
                return await self._find() or Missed(f"{self._timing.title()} was run by the CronJob controller already")
            running = [] if self._policy == ALLOW else await self._running()
            if running and self._policy == FORBID:
                self._tell_blocked(running[0])
                return None
            await self._replace(running)
            if (job := await self._create()) is not None:
                return job

    async def wait_and_start(self) -> Object | Missed:
        """Try whenever something changes, until the Job runs or is missed."""
        while True:
            result = await self.attempt()
            if result is not None:
                return result
            await self._wait_for_turn()

    async def _find(self) -> Object | None:
        """The Job of this run that is there already, None if there is none, or an outdated one has been removed."""
        while True:
            try:
                job = await self._api.read(self._name)
            except NotThereError:
                return None
            if "deletionTimestamp" in job["metadata"]:
                self._log.info("Job %s is being deleted: waiting until it is gone", self._name)
            elif self._is_outdated(job):
                self._log.info("The task was cleared: its Job %s of before is deleted and runs again", self._name)
                await self._api.delete(self._name, job["metadata"]["uid"])
            else:
                return self._adopted(job)
            await self._until_gone(job)

    def _adopted(self, job: Object) -> Object:
        mine, other = task_run_of(self._body), task_run_of(job)
        self._check_owner(job)
        if mine is None or other is None or mine.identity != other.identity:
            maker = f"of the task's run {other.identity}" if other else "of the CronJob controller"
            self._log.info("Job %s %s runs this tick already: adopted", self._name, maker)
        else:
            self._log.info("Job %s was made by an earlier try of this task: adopted", self._name)
        return job

    def _check_owner(self, job: Object) -> None:
        found = cron_job_of(job)
        if found != self._cron_job:
            raise ForeignJobError(
                f"Job {self._api.namespace}/{self._name} exists and belongs to {found or 'no CronJob'}, not to "
                f"{self._cron_job}: delete or rename it, and clear this task"
            )

    def _is_outdated(self, job: Object) -> bool:
        """Whether somebody cleared the task after this Job was made, so as to run it again."""
        mine, other = task_run_of(self._body), task_run_of(job)
        if mine is None or not mine.cleared or cron_job_of(job) != self._cron_job:
            return False
        if other is not None and other.identity == mine.identity:
            return other.cleared < mine.cleared
        return end_of(job) is not None

    async def _until_gone(self, job: Object) -> None:
        try:
            async with aclosing(job_states(self._api, self._name, job["metadata"]["uid"])) as states:
                async for _ in states:
                    pass
        except JobGoneError:
            return

    def _missed(self) -> str | None:
        return self._timing.missed(datetime.now(UTC)) if self._timing else None

    async def _ran_elsewhere(self, timing: Timing) -> bool:
        """Whether the CronJob's controller has run this tick, or a later one.

        Why: a CronJob that Airflow takes over again has ticks that the cluster ran meanwhile, and their Jobs may have
        been cleaned up since.
        """
        try:
            cron_job = await self._api.read_cron_job(self._cron_job)
        except (NotThereError, RefusedError):  # none in the cluster, or not ours to read
            return False
        last = (cron_job.get("status") or {}).get("lastScheduleTime")
        return last is not None and datetime.fromisoformat(last) >= timing.tick

    async def _running(self) -> list[Object]:
        jobs = await self._api.list_all(self._api.jobs_path())
        return [job for job in jobs if job["metadata"]["name"] != self._name and counts_as_running(job, self._cron_job)]

    def _tell_blocked(self, job: Object) -> None:
        name = job["metadata"]["name"]
        if self._told != name:
            self._log.info("concurrencyPolicy Forbid: waiting for the end of Job %s", name)
        self._told = name

    async def _replace(self, running: list[Object]) -> None:
        for job in running:
            self._log.info("concurrencyPolicy Replace: deleting the running Job %s", job["metadata"]["name"])
            await self._api.delete(job["metadata"]["name"], job["metadata"]["uid"])

    async def _create(self) -> Object | None:
        try:
            job = await self._api.create(self._body)
        except AlreadyThereError:  # somebody was faster, or the first answer was lost
            return None
        if self._policy == FORBID and await self._is_beaten(job):
            await self._api.delete(self._name, job["metadata"]["uid"])
            await asyncio.sleep(random.uniform(0, 1))  # noqa: S311 - two that withdrew must not meet again
            return None
        self._log.info("Created Job %s/%s", self._api.namespace, self._name)
        return job

    async def _is_beaten(self, job: Object) -> bool:
        """Whether another Job came in between the look and the creation; of two of one second both withdraw."""
        mine = job["metadata"]["creationTimestamp"]
        return any(other["metadata"]["creationTimestamp"] <= mine for other in await self._running())

    async def _wait_for_turn(self) -> None:
        """Until a running Job ends or goes, or the tick is missed."""
        moment = self._timing.missed_at() if self._timing else None
        seconds = None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())
        try:
            async with asyncio.timeout(seconds):
                await self._until_one_ends()
        except TimeoutError:
            return

    async def _until_one_ends(self) -> None:
        running = await self._running()
        if not running:
            return
        metadata = running[0]["metadata"]
        try:
            async with aclosing(job_states(self._api, metadata["name"], metadata["uid"])) as states:
                async for job in states:
                    if end_of(job):
                        return
        except JobGoneError:
            return
