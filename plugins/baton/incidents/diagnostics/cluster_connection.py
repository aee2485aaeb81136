"""Reading from one cluster through one connection, bounded."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from baton.kubernetes.api_streams import ConnectionRetries, connection_errors
from baton.kubernetes.job_api import JobApi, NotThereError

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

Object = dict[str, Any]

GROUPS = {
    "pods": "/api/v1",
    "services": "/api/v1",
    "events": "/api/v1",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "controllerrevisions": "/apis/apps/v1",
}
"""Resource → path of its group."""


class _OneConnection:
    """Stands where a hook is expected that opens a connection for each request."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @asynccontextmanager
    async def get_conn(self) -> AsyncIterator[Any]:
        yield self._connection


class ClusterConnection:
    """One namespace of a cluster, to read. Refused and lost requests are repeated until somebody cancels."""

    def __init__(self, connection: Any, namespace: str) -> None:
        self.connection = connection
        self.namespace = namespace
        self._api = JobApi(_OneConnection(connection), namespace)  # type: ignore[arg-type]

    def path(self, resource: str, *parts: str) -> str:
        """The path of a resource in the namespace, of an object, or of a part of it."""
        names = "".join(f"/{quote(part, safe='')}" for part in parts)
        return f"{GROUPS[resource]}/namespaces/{quote(self.namespace, safe='')}/{resource}{names}"

    async def get(self, path: str) -> Object:
        """The object at a path.

        :raises NotThereError: there is none.
        :raises RefusedError: it may not be read.
        """
        return await self._api.ask("GET", path)

    async def read(self, resource: str, name: str) -> Object:
        """An object of the namespace; raises as `get`."""
        return await self.get(self.path(resource, name))

    async def list(self, resource: str, **selected: str) -> list[Object]:
        """All objects of a resource that a `labelSelector` or `fieldSelector` selects; raises as `get`."""
        return await self._api.list_all(self.path(resource), **selected)

    async def patch(self, path: str, body: Object) -> Object:
        """Merge `body` into the object at a path, once: a conflict is the caller's to judge.

        :raises ApiException: refused, status 409 when `metadata.resourceVersion` is an older one.
        """
        return await self._api.ask_once("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def delete(self, path: str, uid: str) -> None:
        """Delete this very object; nothing happens if it is gone or another has its name."""
        with suppress(NotThereError):
            await self._api.ask("DELETE", path, body={"preconditions": {"uid": uid}})

    async def log_tail(self, pod: str, query: Mapping[str, str], max_bytes: int) -> bytes:
        """The last bytes of a container's log, from the start of a line.

        Why not `limitBytes`: it keeps the first bytes, and what went wrong stands in the last ones.
        """
        retries = ConnectionRetries()
        while True:
            try:
                return await self._log_tail(pod, query, max_bytes)
            except connection_errors() as err:
                await retries.pause_or_raise(err)

    async def _log_tail(self, pod: str, query: Mapping[str, str], max_bytes: int) -> bytes:
        from kubernetes_asyncio.client import ApiException

        response = await self._api.send(self.connection, "GET", self.path("pods", pod, "log"), query=query)
        try:
            if response.status >= 400:
                raise ApiException(status=response.status, reason=message_of(await response.read()))
            tail = _Tail(max_bytes)
            async for chunk in response.content.iter_any():
                tail.add(chunk)
            return tail.content()
        finally:
            response.close()


def message_of(content: bytes) -> str:
    """What an API server's answer says, in one line."""
    try:
        answer = json.loads(content)
        return str(answer["message"])[:300]
    except (ValueError, TypeError, KeyError):
        return content[:300].decode(errors="replace")


class _Tail:
    """The end of a stream, in bounded memory."""

    def __init__(self, max_bytes: int) -> None:
        self._max_size, self._size, self._was_cut = max_bytes, 0, False
        self._chunks: deque[bytes] = deque()

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._max_size:
            self._size -= len(self._chunks.popleft())
            self._was_cut = True

    def content(self) -> bytes:
        whole = b"".join(self._chunks)
        if not self._was_cut and len(whole) <= self._max_size:
            return whole
        # A line that was cut could show half of a secret, which no pattern knows.
        _, _, rest = whole[-self._max_size :].partition(b"\n")
        return rest


@asynccontextmanager
async def open_connection(hook: AsyncKubernetesHook, namespace: str) -> AsyncIterator[ClusterConnection]:
    """A cluster for as long as a block lasts."""
    async with hook.get_conn() as connection:
        yield ClusterConnection(connection, namespace)
