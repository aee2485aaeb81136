"""Follow one Job's states as they happen, through connection losses."""

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
    :raises ApiException: the API server refuses, or was away for longer than `PATIENCE_SECONDS`.
    """
    patience = Patience()
    while True:
        try:
            async with aclosing(_watch_once(api, name, uid, patience)) as jobs:
                async for job in jobs:
                    yield job
        except connection_errors() as err:
            await patience.pause_or_raise(err)


async def _watch_once(api: JobApi, name: str, uid: str, patience: Patience) -> AsyncGenerator[Object]:
    from kubernetes_asyncio.client import BatchV1Api

    selected: Object = {"namespace": api.namespace, "field_selector": f"metadata.name={name}"}
    async with api.hook.get_conn() as connection:
        list_jobs = BatchV1Api(connection).list_namespaced_job
        found = json.loads(await (await _checked(list_jobs, **selected)).read())
        job = next((job for job in found["items"] if job["metadata"]["uid"] == uid), None)
        if job is None:
            raise JobGoneError(api.namespace, name, None)
        yield job
        response = await list_jobs(
            **selected,
            watch=True,
            resource_version=found["metadata"]["resourceVersion"],
            timeout_seconds=WATCH_SECONDS,
            _preload_content=False,
            _request_timeout=WATCH_SECONDS + 10,
        )
        async with aclosing(response_lines(response, patience)) as lines:
            async for line in lines:
                change = _parsed(line)
                if change["type"] == "DELETED" or change["object"]["metadata"]["uid"] != uid:
                    raise JobGoneError(api.namespace, name, change["object"])
                yield change["object"]


async def _checked(call: Any, **options: Any) -> Any:
    from kubernetes_asyncio.client import ApiException

    response = await call(**options, _preload_content=False)
    if response.status >= 400:
        raise ApiException(status=response.status, reason=response.reason)
    return response


def _parsed(line: bytes) -> Object:
    from kubernetes_asyncio.client import ApiException

    try:
        change: Object = json.loads(line)
    except ValueError as err:
        raise ConnectionResetError("the watch ended in the middle of a change") from err
    if change["type"] == "ERROR":  # the answer's status was 200 already
        raise ApiException(status=change["object"].get("code"), reason=change["object"].get("reason"))
    return change
