"""Run one Job: create it or adopt the one that is there, and follow it to its end."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from baton.exceptions import PermanentError
from baton.hooks.job_api import AlreadyThereError, JobApi, NotThereError
from baton.hooks.job_states import job_states
from baton.jobs.job_body import cron_job_of
from baton.jobs.job_state import COMPLETE, end_of, why_ended

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

Object = dict[str, Any]


class ForeignJobError(PermanentError):
    """The name is taken by a Job that belongs to something else."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a task asks for, as plain JSON.

    :param body: the Job.
    :param concurrency_policy: Allow, Forbid or Replace, as a CronJob means them.
    """

    body: Object
    concurrency_policy: str = "Allow"

    def serialize(self) -> Object:
        """Return it as a trigger's argument."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the wait ended.

    :param status: success, failed, skipped or timeout.
    :param message: a sentence for people.
    """

    status: str
    message: str


class JobRun:
    """One Job from its creation to its end.

    :param uid: of the Job that an earlier part of the task started, None if there is none yet.
    """

    def __init__(self, hook: AsyncKubernetesHook, request: JobRequest, log: Any = None, uid: str | None = None) -> None:
        self.uid = uid
        self._request = request
        self._log: logging.Logger = log or logging.getLogger(__name__)
        self.name: str = request.body["metadata"]["name"]
        self.namespace: str = request.body["metadata"]["namespace"]
        self._api = JobApi(hook, self.namespace)

    async def start(self) -> None:
        """Create the Job, or adopt the one that has its name.

        :raises ForeignJobError: that one belongs to something else.
        :raises RefusedError: the API server does not take the Job.
        """
        while self.uid is None:
            try:
                job = await self._api.create(self._request.body)
                self._log.info("Created Job %s/%s", self.namespace, self.name)
            except AlreadyThereError:
                try:
                    job = self._adopted(await self._api.read(self.name))
                except NotThereError:
                    continue
            self.uid = job["metadata"]["uid"]

    def _adopted(self, job: Object) -> Object:
        wanted, found = cron_job_of(self._request.body), cron_job_of(job)
        if wanted != found:
            raise ForeignJobError(
                f"Job {self.namespace}/{self.name} exists and belongs to {found or 'no CronJob'}, not to {wanted}: "
                "delete or rename it, and clear this task"
            )
        self._log.info("Job %s/%s exists: adopted", self.namespace, self.name)
        return job

    async def follow(self) -> Outcome:
        """Wait for the Job's end."""
        async with aclosing(job_states(self._api, self.name, str(self.uid))) as jobs:
            async for job in jobs:
                if end := end_of(job):
                    return self._outcome(job, end)
        raise RuntimeError("a Job's states end only with an error")

    def _outcome(self, job: Object, end: str) -> Outcome:
        if end == COMPLETE:
            return Outcome("success", f"Job {self.namespace}/{self.name} is complete")
        return Outcome("failed", f"Job {self.namespace}/{self.name} failed: {why_ended(job)}")

    async def delete(self) -> None:
        """Delete the Job that was created or adopted here, if any."""
        if self.uid is not None:
            await self._api.delete(self.name, self.uid)
