"""Follow Jobs and pods as they change, through connection losses."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from baton.exceptions import PermanentError
from baton.hooks.api_streams import Patience, connection_errors, response_lines
from baton.hooks.pod_states import WATCH_SECONDS

if TYPE_CHECKING:
    from baton.hooks.job_api import JobApi

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


async def changes(api: JobApi, path: str, selected: dict[str, str]) -> AsyncGenerator[tuple[str, list[Object]]]:
    """Yield all selected objects as `LISTED`, then each change by its type with the one object; again from the start
    after the connection was lost.

    :raises RefusedError, ApiException: as `job_states`.
    """
    patience = Patience()
    while True:
        try:
            async with aclosing(_watch_once(api, path, selected, patience)) as found:
                async for change in found:
                    yield change
        except connection_errors() as err:
            await patience.pause_or_raise(err)


async def _watch_once(
    api: JobApi, path: str, selected: dict[str, str], patience: Patience
) -> AsyncGenerator[tuple[str, list[Object]]]:
    found = await api.ask_once("GET", path, query=selected)
    yield "LISTED", found["items"]
    watch = {"watch": "true", "timeoutSeconds": str(WATCH_SECONDS)}
    query = {**selected, **watch, "resourceVersion": found["metadata"]["resourceVersion"]}
    async with api.hook.get_conn() as connection:
        response = await api.send(connection, "GET", path, query=query, timeout=WATCH_SECONDS + 10)
        async with aclosing(response_lines(response, patience)) as lines:
            async for line in lines:
                change = _parsed(line)
                yield change["type"], [change["object"]]


def _parsed(line: bytes) -> Object:
    from kubernetes_asyncio.client import ApiException

    try:
        change: Object = json.loads(line)
    except ValueError as err:
        raise ConnectionResetError("the watch ended in the middle of a change") from err
    if change["type"] == "ERROR":  # the answer's status was 200 already
        raise ApiException(status=change["object"].get("code"), reason=change["object"].get("reason"))
    return change
