"""Long-lived answers of the Kubernetes API: their lines, and what to do when the connection is lost.

Why streams and not polling: a watch tells of a pod's end within milliseconds and costs the API server one connection,
where looking twice a second costs it two requests a second and still comes half a second late.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 1800
"""How long the API server may be away: an upgrade of a control plane takes minutes, and what waits here costs nothing.
What runs in the cluster runs on meanwhile."""
UNAUTHORIZED, TOKEN_SECONDS = 401, 300
"""How long it may refuse the token: one that ran out is another one soon, one that is wrong stays so."""
_FOR_A_WHILE = (UNAUTHORIZED, 408, 409, 410, 429)
"""Answers after which a later one may be another."""
PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 10
"""Between two attempts to reach it; each is longer than the one before."""


class ConnectionRetries:
    """Decides whether a lost connection is tried again."""

    def __init__(self) -> None:
        self._failing_since: float | None = None
        self._pause = PAUSE_SECONDS

    def contact(self) -> None:
        """Note that the API server answered."""
        self._failing_since, self._pause = None, PAUSE_SECONDS

    async def pause_or_raise(self, err: Exception) -> None:
        """Wait a moment; raise the error when it will not go away, or has lasted `PATIENCE_SECONDS`."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        patience = TOKEN_SECONDS if getattr(err, "status", None) == UNAUTHORIZED else PATIENCE_SECONDS
        if _is_final(err) or now - self._failing_since > patience:
            raise err
        log.warning("The Kubernetes API did not answer, trying again: %s", _brief(err))
        await asyncio.sleep(self._pause)
        self._pause = min(1.5 * self._pause, MAX_PAUSE_SECONDS)


def connection_errors() -> tuple[type[Exception], ...]:
    """Return what a request to the API server may raise. A function, because the imports are expensive."""
    from aiohttp import ClientError
    from kubernetes_asyncio.client import ApiException

    return (ApiException, ClientError, TimeoutError, OSError)


async def response_lines(response: Any, retries: ConnectionRetries) -> AsyncGenerator[bytes]:
    """Yield the lines of a streamed answer, and close it.

    :raises ApiException: the answer is an error. The client leaves a streamed answer's status unchecked.
    """
    from kubernetes_asyncio.client import ApiException

    try:
        if response.status >= 400:
            raise ApiException(status=response.status, reason=response.reason)
        retries.contact()
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


def _is_final(err: Exception) -> bool:
    status = getattr(err, "status", None)  # no status: the connection itself was lost
    return isinstance(status, int) and status not in _FOR_A_WHILE and status < 500


def _brief(err: Exception) -> str:
    return f"{type(err).__name__} {getattr(err, 'status', '')} {getattr(err, 'reason', '') or err}".split("\n")[0]
