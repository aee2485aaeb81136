"""Follow one container's log as it is written, through connection losses."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from baton.kubernetes import api_streams
from baton.kubernetes.api_streams import Patience, connection_errors, response_lines

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook


async def log_lines(
    hook: AsyncKubernetesHook,
    name: str,
    namespace: str,
    container: str,
    ended: asyncio.Event,
    seen: Seen | None = None,
    is_previous: Callable[[], bool] = lambda: False,
) -> AsyncGenerator[str]:
    """Yield the container's log lines, from the first one to the last that it writes, each once.

    Why `ended`: a followed log also ends when it is rotated or a kubelet restarts. Only what is read after the
    container's end is known to be all.

    :param ended: set by the caller once the container has ended.
    :param seen: how far the log of the container's earlier attempt was read.
    :param is_previous: tells whether the container was restarted, and another attempt has the log now.
    :raises ApiException: the API server refuses, or was away for longer than `PATIENCE_SECONDS`.
    """
    patience, seen = Patience(), seen or Seen()
    while True:
        is_last_read = ended.is_set()
        try:
            async with aclosing(
                _read_once(hook, name, namespace, container, seen, patience, is_previous())
            ) as messages:
                async for message in messages:
                    yield message
        except connection_errors() as err:
            await patience.pause_or_raise(err)
            continue
        if is_last_read:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), api_streams.PAUSE_SECONDS)


class Seen:
    """How far a log was read: the last moment, and how many lines carry it (a moment can have several)."""

    def __init__(self) -> None:
        self.moment = ""
        self.lines = 0

    def note(self, moment: str) -> None:
        self.lines = self.lines + 1 if moment == self.moment else 1
        self.moment = moment


async def _read_once(
    hook: AsyncKubernetesHook,
    name: str,
    namespace: str,
    container: str,
    seen: Seen,
    patience: Patience,
    previous: bool,
) -> AsyncGenerator[str]:
    """Yield the lines that were not seen yet."""
    from aiohttp import ClientTimeout
    from kubernetes_asyncio.client import CoreV1Api

    options: dict[str, Any] = {"container": container, "follow": True, "timestamps": True}
    if previous:
        options["previous"] = True
    if seen.moment:
        options["since_seconds"] = _seconds_since(seen.moment)
    resume, skip = seen.moment, seen.lines
    timeout = ClientTimeout(sock_connect=10)  # none for reading: a quiet container is no lost connection
    async with hook.get_conn() as connection:
        response = await CoreV1Api(connection).read_namespaced_pod_log(
            name, namespace, _preload_content=False, _request_timeout=timeout, **options
        )
        async with aclosing(response_lines(response, patience)) as lines:
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


def _seconds_since(moment: str) -> int:
    then = datetime.fromisoformat(f"{moment[:26]}+00:00")
    return max(1, math.ceil((datetime.now(UTC) - then).total_seconds()) + 1)


def _sortable(moment: str) -> str:
    """Write a Kubernetes timestamp (RFC 3339, UTC, up to nine digits) with all nine digits, so that text sorts."""
    seconds, _, fraction = moment.removesuffix("Z").partition(".")
    return f"{seconds}.{fraction:0<9}"
