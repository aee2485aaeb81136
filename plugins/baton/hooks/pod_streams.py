"""Follow one pod: its states and its log, as they happen, through connection losses.

Why streams and not polling: a watch tells of a pod's end within milliseconds and costs the API server one connection,
where looking twice a second costs it two requests a second and still comes half a second late.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from baton.exceptions import TransientError

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

log = logging.getLogger(__name__)

WATCH_SECONDS = 240
"""The API server ends a watch after this time; load balancers cut silent connections after some minutes."""
PATIENCE_SECONDS = 300
"""How long the API server may be away."""
PAUSE_SECONDS = 0.5
"""Between two attempts to reach it."""


class PodGoneError(TransientError):
    """The pod was deleted while it was followed."""


class _Patience:
    """Decides whether a lost connection is tried again."""

    def __init__(self) -> None:
        self.contact()

    def contact(self) -> None:
        self._last_contact = time.monotonic()

    async def pause_or_raise(self, err: Exception) -> None:
        """Wait a moment; raise the error when it will not go away or has lasted too long."""
        if _is_final(err) or time.monotonic() - self._last_contact > PATIENCE_SECONDS:
            raise err
        log.warning("The Kubernetes API did not answer, trying again: %s", _brief(err))
        await asyncio.sleep(PAUSE_SECONDS)


def _is_final(err: Exception) -> bool:
    status = getattr(err, "status", None)  # no status: the connection itself was lost
    return isinstance(status, int) and status not in (408, 409, 410, 429) and status < 500


def _brief(err: Exception) -> str:
    return f"{type(err).__name__} {getattr(err, 'status', '')} {getattr(err, 'reason', '') or err}".split("\n")[0]


def connection_errors() -> tuple[type[Exception], ...]:
    """Return what a request to the API server may raise. A function, because the imports are expensive."""
    from aiohttp import ClientError
    from kubernetes_asyncio.client import ApiException

    return (ApiException, ClientError, TimeoutError, OSError)


async def pod_states(hook: AsyncKubernetesHook, name: str, namespace: str) -> AsyncGenerator[Any]:
    """Yield the pod (V1Pod) as it is now, then each time it changes, until it is gone.

    :raises PodGoneError: the pod was deleted or never was there.
    :raises ApiException: the API server refuses, or was away for longer than `PATIENCE_SECONDS`.
    """
    patience = _Patience()
    while True:
        try:
            async with aclosing(_watch_once(hook, name, namespace)) as pods:
                async for pod in pods:
                    patience.contact()
                    yield pod
            patience.contact()
        except connection_errors() as err:
            await patience.pause_or_raise(err)


async def _watch_once(hook: AsyncKubernetesHook, name: str, namespace: str) -> AsyncGenerator[Any]:
    from kubernetes_asyncio.client import CoreV1Api

    selected: dict[str, Any] = {"namespace": namespace, "field_selector": f"metadata.name={name}"}
    async with hook.get_conn() as connection:
        list_pods = CoreV1Api(connection).list_namespaced_pod
        found = await list_pods(**selected)
        if not found.items:
            raise PodGoneError(f"pod {namespace}/{name} does not exist any more: it was deleted from outside")
        yield found.items[0]
        response = await list_pods(
            **selected,
            watch=True,
            resource_version=found.metadata.resource_version,
            timeout_seconds=WATCH_SECONDS,
            _preload_content=False,
            _request_timeout=WATCH_SECONDS + 10,
        )
        async with aclosing(_response_lines(response)) as lines:
            async for line in lines:
                yield _changed_pod(json.loads(line), connection)


def _changed_pod(change: dict[str, Any], connection: Any) -> Any:
    from kubernetes_asyncio.client import ApiException

    subject = change["object"]
    if change["type"] == "ERROR":  # the answer's status was 200 already
        raise ApiException(status=subject.get("code"), reason=subject.get("reason"))
    if change["type"] == "DELETED":
        metadata = subject["metadata"]
        raise PodGoneError(f"pod {metadata['namespace']}/{metadata['name']} was deleted while it was waited for")
    return connection.deserialize(SimpleNamespace(data=json.dumps(subject)), "V1Pod")


async def log_lines(hook: AsyncKubernetesHook, name: str, namespace: str, container: str) -> AsyncGenerator[str]:
    """Yield the container's log lines, from the first one to the last that it writes, each once.

    :raises ApiException: the API server refuses, or was away for longer than `PATIENCE_SECONDS`.
    """
    patience, seen = _Patience(), _Seen()
    while True:
        try:
            async with aclosing(_read_log_once(hook, name, namespace, container, seen)) as lines:
                async for message in lines:
                    patience.contact()
                    yield message
            return
        except connection_errors() as err:
            await patience.pause_or_raise(err)


class _Seen:
    """How far a log was read: the last moment, and how many lines carry it (a moment can have several)."""

    def __init__(self) -> None:
        self.moment = ""
        self.lines = 0

    def note(self, moment: str) -> None:
        self.lines = self.lines + 1 if moment == self.moment else 1
        self.moment = moment


async def _read_log_once(
    hook: AsyncKubernetesHook, name: str, namespace: str, container: str, seen: _Seen
) -> AsyncGenerator[str]:
    from aiohttp import ClientTimeout
    from kubernetes_asyncio.client import CoreV1Api

    options: dict[str, Any] = {"container": container, "follow": True, "timestamps": True}
    if seen.moment:
        options["since_seconds"] = _seconds_since(seen.moment)
    resume, skip = seen.moment, seen.lines
    timeout = ClientTimeout(sock_connect=10)  # none for reading: a quiet container is no lost connection
    async with hook.get_conn() as connection:
        response = await CoreV1Api(connection).read_namespaced_pod_log(
            name, namespace, _preload_content=False, _request_timeout=timeout, **options
        )
        async with aclosing(_response_lines(response)) as lines:
            async for line in lines:
                stamp, _, message = line.decode(errors="backslashreplace").partition(" ")
                moment = _sortable(stamp)
                if moment < resume:
                    continue
                if moment == resume and skip:
                    skip -= 1
                    continue
                seen.note(moment)
                yield message


async def _response_lines(response: Any) -> AsyncGenerator[bytes]:
    """Yield the lines of a streamed answer. The client leaves a streamed answer's status unchecked."""
    from kubernetes_asyncio.client import ApiException

    try:
        if response.status >= 400:
            raise ApiException(status=response.status, reason=response.reason)
        async for line in _lines(response.content.iter_any()):
            yield line
    finally:
        response.close()


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Split a stream at line ends, however long the lines are."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


def _seconds_since(moment: str) -> int:
    then = datetime.fromisoformat(f"{moment[:26]}+00:00")
    return max(1, math.ceil((datetime.now(UTC) - then).total_seconds()) + 1)


def _sortable(moment: str) -> str:
    """Write a Kubernetes timestamp (RFC 3339, UTC, up to nine digits) with all nine digits, so that text sorts."""
    seconds, _, fraction = moment.removesuffix("Z").partition(".")
    return f"{seconds}.{fraction:0<9}"
