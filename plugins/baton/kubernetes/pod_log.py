"""Follow one container's log as it is written, through connection losses and a kubelet that cannot read it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from baton.exceptions import TransientError
from baton.kubernetes import api_streams
from baton.kubernetes.api_streams import ConnectionRetries, connection_errors, response_lines
from baton.kubernetes.log_line import seconds_since, split_line

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

UNREADABLE_SECONDS = 3
"""How long a log that the kubelet cannot read is asked for once its container has ended."""


class LogUnreadableError(TransientError):
    """The kubelet says that it cannot read the log; the message is what it says."""


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

    Among them is what the kubelet says where it cannot read the log; then it is asked again.

    Why `ended`: a followed log also ends when it is rotated or a kubelet restarts. Only what is read after the
    container's end is known to be all.

    :param ended: set by the caller once the container has ended.
    :param seen: how far the log of the container's earlier attempt was read.
    :param is_previous: tells whether the container was restarted, and another attempt has the log now.
    :raises ApiException: the API server refuses, or was away for longer than `PATIENCE_SECONDS`.
    :raises LogUnreadableError: the container has ended, and the kubelet still cannot read to the end of its log.
    """
    retries, seen = ConnectionRetries(), seen or Seen()
    unreadable_since = math.inf
    while True:
        is_last_read = ended.is_set()
        try:
            async with aclosing(_read_once(hook, name, namespace, container, seen, retries, is_previous())) as messages:
                async for message in messages:
                    yield message
        except connection_errors() as err:
            await retries.pause_or_raise(err)
            continue
        if is_last_read:
            if not seen.refusal:
                return
            unreadable_since = min(unreadable_since, time.monotonic())
            if time.monotonic() - unreadable_since >= UNREADABLE_SECONDS:
                raise LogUnreadableError(seen.refusal)
            await asyncio.sleep(api_streams.PAUSE_SECONDS)
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), api_streams.PAUSE_SECONDS)


class Seen:
    """How far a log was read: the last moment, and how many lines carry it (a moment can have several)."""

    def __init__(self) -> None:
        self.moment = ""
        self.lines = 0
        self.refusals = 0
        """How many lines without a moment came after that moment."""
        self.refusal = ""
        """The last of them, empty where the latest answer ended with a line of the container."""

    def note(self, moment: str) -> None:
        if moment == self.moment:
            self.lines += 1
        else:
            self.moment, self.lines, self.refusals = moment, 1, 0


async def _read_once(
    hook: AsyncKubernetesHook,
    name: str,
    namespace: str,
    container: str,
    seen: Seen,
    retries: ConnectionRetries,
    previous: bool,
) -> AsyncGenerator[str]:
    """Yield the lines that were not seen yet."""
    from aiohttp import ClientTimeout
    from kubernetes_asyncio.client import CoreV1Api

    options: dict[str, Any] = {"container": container, "follow": True, "timestamps": True}
    if previous:
        options["previous"] = True
    if seen.moment:
        options["since_seconds"] = max(1, math.ceil(seconds_since(seen.moment)) + 1)
    timeout = ClientTimeout(sock_connect=10)  # none for reading: a quiet container is no lost connection
    async with hook.get_conn() as connection:
        response = await CoreV1Api(connection).read_namespaced_pod_log(
            name, namespace, _preload_content=False, _request_timeout=timeout, **options
        )
        async with aclosing(response_lines(response, retries)) as lines:
            async for message in _unseen(lines, seen):
                yield message


async def _unseen(lines: AsyncGenerator[bytes], seen: Seen) -> AsyncGenerator[str]:
    """Yield the lines of one answer that an earlier one did not have.

    Lines without a moment have the place behind the last line with one. At an answer's start that line is missing:
    they wait for the next one, which tells whether they were there before.
    """
    news, early = _News(seen), list[str]()
    async for line in lines:
        moment, message = split_line(line)
        if not moment and news.is_before_resume:
            seen.refusal = message
            early.append(message)
            continue
        for waiting in early if moment > news.resume else ():
            yield waiting
        early.clear()
        if news.take(moment, message):
            yield message
    for waiting in early:
        if news.take("", waiting):
            yield waiting


class _News:
    """Tells which lines of an answer are new."""

    def __init__(self, seen: Seen) -> None:
        self.resume = seen.moment
        self.is_before_resume = bool(seen.moment)
        self._seen = seen
        self._lines, self._refusals = seen.lines, seen.refusals
        seen.refusal = ""

    def take(self, moment: str, message: str) -> bool:
        """Note the next line; say whether it is new."""
        self._seen.refusal = "" if moment else message
        if not moment:
            self._refusals -= 1
            self._seen.refusals += self._refusals < 0
            return self._refusals < 0
        self.is_before_resume = moment < self.resume
        if moment == self.resume:
            self._lines -= 1
        if moment < self.resume or (moment == self.resume and self._lines >= 0):
            return False
        self._seen.note(moment)
        return True
