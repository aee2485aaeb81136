"""Follow a Job as it changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from baton.exceptions import PermanentError
from baton.kubernetes.api_changes import changes

if TYPE_CHECKING:
    from baton.kubernetes.job_api import JobApi

Object = dict[str, Any]


class JobGoneError(PermanentError):
    """The Job was deleted by somebody else while it was followed."""

    def __init__(self, namespace: str, name: str, last: Object | None) -> None:
        super().__init__(f"Job {namespace}/{name} was deleted by somebody else while it was waited for")
        self.last = last
        """The Job as it was deleted, None if that was not seen."""


async def job_states(api: JobApi, name: str, uid: str) -> AsyncGenerator[Object]:
    """Yield the Job as it is now, then each time it changes.

    :raises JobGoneError: it was deleted, or a Job of another uid has its name.
    :raises RefusedError: the API server refuses.
    :raises ApiException: the API server was away for longer than `PATIENCE_SECONDS`.
    """
    async with aclosing(changes(api, api.jobs_path(), {"fieldSelector": f"metadata.name={name}"})) as found:
        async for kind, jobs in found:
            job = next((job for job in jobs if job["metadata"]["uid"] == uid), None)
            if kind == "DELETED" and job is not None:
                raise JobGoneError(api.namespace, name, job)
            if job is None and (kind == "LISTED" or jobs):
                raise JobGoneError(api.namespace, name, None)
            if job is not None:
                yield job
