"""Follow objects of the Kubernetes API as they change, through connection losses."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from baton.kubernetes.api_streams import ConnectionRetries, connection_errors, response_lines

if TYPE_CHECKING:
    from baton.kubernetes.job_api import JobApi

Object = dict[str, Any]

WATCH_SECONDS = 240
"""The API server ends a watch after this time; load balancers cut silent connections after some minutes."""


async def changes(api: JobApi, path: str, selected: dict[str, str]) -> AsyncGenerator[tuple[str, list[Object]]]:
    """Yield all selected objects as `LISTED`, then each change by its type with the one object; again from the start
    after the connection was lost.

    :raises RefusedError: the API server refuses.
    :raises ApiException: the API server was away for longer than `PATIENCE_SECONDS`.
    """
    retries = ConnectionRetries()
    while True:
        try:
            async with aclosing(_watch_once(api, path, selected, retries)) as found:
                async for change in found:
                    yield change
        except connection_errors() as err:
            await retries.pause_or_raise(err)


async def _watch_once(
    api: JobApi, path: str, selected: dict[str, str], retries: ConnectionRetries
) -> AsyncGenerator[tuple[str, list[Object]]]:
    found = await api.ask_once("GET", path, query=selected)
    yield "LISTED", found["items"]
    watch = {"watch": "true", "timeoutSeconds": str(WATCH_SECONDS)}
    query = {**selected, **watch, "resourceVersion": found["metadata"]["resourceVersion"]}
    async with api.hook.get_conn() as connection:
        response = await api.send(connection, "GET", path, query=query, timeout=WATCH_SECONDS + 10)
        async with aclosing(response_lines(response, retries)) as lines:
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
