"""Probes: whether a container has started, is ready, is alive.

Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from . import container_exec
from .attempt import Attempt

Object = dict[str, Any]
HANDLERS = ("exec", "httpGet", "tcpSocket")
_HOST = "127.0.0.1"  # where pods listen
_TIMED_OUT = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


def probe(container: Object, name: str) -> Object | None:
    """The probe of that name if it is one that can be run here."""
    found: Object | None = container.get(name)
    return found if found is not None and any(found.get(handler) for handler in HANDLERS) else None


class Probes:
    """Looks after one run of a container.

    :param on_ready: told each time that its readiness changes; without a readiness probe never.
    :param on_failure: told once, with the word ``Startup`` or ``Liveness``, when the container has to be ended.
    :param tell: told of each failed try, with the probe's word and what came back.
    """

    def __init__(
        self,
        container: Object,
        attempt: Attempt,
        on_ready: Callable[[bool], None],
        on_failure: Callable[[str], None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._tell = tell
        self._container = container
        self._attempt = attempt
        self._on_ready = on_ready
        self._on_failure = on_failure

    async def await_start(self) -> bool:
        """Wait for the startup probe; False if it has failed."""
        async for passed in self._verdicts("startupProbe"):
            if not passed:
                self._on_failure("Startup")
            return passed
        return True

    async def run(self) -> None:
        """Probe until cancelled, or until the liveness probe has failed."""
        await asyncio.gather(self._watch_readiness(), self._watch_liveness())

    async def _watch_readiness(self) -> None:
        async for passed in self._verdicts("readinessProbe"):
            self._on_ready(passed)

    async def _watch_liveness(self) -> None:
        async for passed in self._verdicts("livenessProbe"):
            if not passed:
                self._on_failure("Liveness")
                return

    async def _verdicts(self, name: str) -> AsyncIterator[bool]:
        """Each change of what a probe says, after as many answers in a row as its threshold wants."""
        wanted = probe(self._container, name)
        if wanted is None:
            return
        thresholds = {True: wanted.get("successThreshold") or 1, False: wanted.get("failureThreshold") or 3}
        await asyncio.sleep(wanted.get("initialDelaySeconds") or 0)
        verdict: bool | None = None
        last, row = True, 0
        while True:
            why = await failure(wanted, self._container, self._attempt)
            passed = why is None
            if why is not None:
                self._tell(name.removesuffix("Probe").capitalize(), why)
            row = row + 1 if passed == last else 1
            last = passed
            if passed != verdict and row >= thresholds[passed]:
                verdict = passed
                yield passed
            await asyncio.sleep(wanted.get("periodSeconds") or 10)


async def failure(wanted: Object, container: Object, attempt: Attempt) -> str | None:
    """Ask once; None if it passes, else a kubelet's words for why not. No answer in time is a failure."""
    seconds = wanted.get("timeoutSeconds") or 1
    try:
        async with asyncio.timeout(seconds):
            return await _ask(wanted, container, attempt)
    except TimeoutError:
        command = " ".join((wanted.get("exec") or {}).get("command") or [])
        return f'command timed out: "{command}" timed out after {seconds}s' if command else _TIMED_OUT
    except (OSError, aiohttp.ClientError) as err:
        return _refused(wanted, container, err)


def _refused(wanted: Object, container: Object, err: Exception) -> str:
    number = getattr(err, "errno", None) or getattr(getattr(err, "os_error", None), "errno", None)
    words = os.strerror(number).lower() if number else str(err)
    place = wanted.get("tcpSocket") or wanted.get("httpGet") or {}
    try:
        target = f"{place.get('host') or _HOST}:{port(place['port'], container)}"
    except (KeyError, OSError):
        return str(err)
    dial = f"dial tcp {target}: connect: {words}"
    return f'Get "{_url(place, container)}": {dial}' if wanted.get("httpGet") else dial


async def _ask(wanted: Object, container: Object, attempt: Attempt) -> str | None:
    if wanted.get("exec"):
        code, output = await container_exec.run(attempt, [str(part) for part in wanted["exec"].get("command") or []])
        return output if code != 0 else None
    if wanted.get("tcpSocket"):
        place = wanted["tcpSocket"]
        _, writer = await asyncio.open_connection(place.get("host") or _HOST, port(place["port"], container))
        writer.close()
        return None
    return await _get(wanted["httpGet"], container)


def _url(place: Object, container: Object) -> str:
    scheme, path = (place.get("scheme") or "HTTP").lower(), "/" + (place.get("path") or "").lstrip("/")
    return f"{scheme}://{place.get('host') or _HOST}:{port(place['port'], container)}{path}"


async def _get(place: Object, container: Object) -> str | None:
    headers = {header["name"]: header["value"] for header in place.get("httpHeaders") or []}
    # A probe asks whether somebody answers, not who: certificates are not checked, as by the kubelet.
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(_url(place, container), ssl=False, allow_redirects=False) as response,
    ):
        passed = 200 <= response.status < 400
        return None if passed else f"HTTP probe failed with statuscode: {response.status}"


def port(value: int | str, container: Object) -> int:
    """A port's number; a name is looked up among the container's ports.

    :raises OSError: it has none of that name.
    """
    for known in container.get("ports") or []:
        if known.get("name") == value:
            return int(known["containerPort"])
    if isinstance(value, str) and not value.isdigit():
        raise OSError(f'the container has no port "{value}"')
    return int(value)
