"""Dumps: commands that run inside a container. Only those of the data file, by name; nothing is ever filled in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from baton.exceptions import BatonError
from baton.incidents.diagnostics.cluster_connection import ClusterConnection, Object
from baton.incidents.diagnostics.collector import (
    Collect,
    CollectionScope,
    Document,
    NothingToCollectError,
    PartlyCollectedError,
)

MAX_PODS = 3
"""Pods in which a command runs: a dump may be dear to them."""
MAX_BYTES = 512 * 1024
_STDOUT, _STDERR, _ERROR = 1, 2, 3


class DumpFailedError(BatonError):
    """A command could not run, or took too long."""


@dataclass(frozen=True, slots=True)
class Dump:
    """One command of the data file.

    :param command: program and arguments; a shell only where it stands here.
    """

    name: str
    title: str
    command: tuple[str, ...]
    seconds: float = 5.0


def dumps_of(dumps: Sequence[Dump]) -> Collect:
    """The collector of these commands' outputs."""

    async def collect(scope: CollectionScope) -> AsyncGenerator[Document]:
        places = [(pod["metadata"]["name"], name) for pod in scope.workload.pods for name in _running(pod)]
        if not dumps:
            raise NothingToCollectError("no dump was asked for")
        if not places:
            raise NothingToCollectError("no container runs")
        failures = []
        for pod, container in places[:MAX_PODS]:
            for dump in dumps:
                try:
                    text = await run(scope.cluster, pod, container, dump)
                    yield Document(
                        f"dumps/{pod}/{container}.{dump.name}.txt", f"{dump.title}: {pod}, {container}", text
                    )
                except DumpFailedError as err:
                    failures.append(str(err))
        if failures:
            raise PartlyCollectedError("; ".join(failures))

    return collect


def _running(pod: Object) -> list[str]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return [status["name"] for status in statuses if "running" in (status.get("state") or {})]


async def run(cluster: ClusterConnection, pod: str, container: str, dump: Dump) -> str:
    """Run a command in a container; returns what it printed, at most `MAX_BYTES`.

    :raises DumpFailedError: it could not run, or took too long.
    """
    where = f"{dump.name} in {pod}/{container}"
    try:
        async with asyncio.timeout(dump.seconds):
            return await _run(cluster, pod, container, dump)
    except TimeoutError as err:
        raise DumpFailedError(f"{where} took longer than {dump.seconds:g} s") from err
    except Exception as err:  # whatever a WebSocket's handshake raises; the client leaves it open
        raise DumpFailedError(f"{where} could not run: {type(err).__name__}: {str(err)[:200]}") from err


async def _run(cluster: ClusterConnection, pod: str, container: str, dump: Dump) -> str:
    from kubernetes_asyncio.client import CoreV1Api
    from kubernetes_asyncio.stream import WsApiClient

    text = ""
    async with WsApiClient(configuration=cluster.connection.configuration) as client:
        opened: Any = await CoreV1Api(client).connect_get_namespaced_pod_exec(
            pod,
            cluster.namespace,
            container=container,
            command=list(dump.command),  # type: ignore[arg-type]  # generated as one text, means a list
            stdout=True,
            stderr=True,
            _preload_content=False,
        )
        async with opened as socket:
            async for message in socket:
                text += _text(message.data)
                if len(text) > MAX_BYTES:
                    return text[:MAX_BYTES] + "\n… cut\n"
    return text


def _text(data: Any) -> str:
    """A frame's text: its first byte names the channel. The last channel tells how the command ended."""
    if not isinstance(data, bytes) or not data:
        return ""
    if data[0] == _ERROR:
        return "" if b'"Success"' in data else f"\n{data[1:].decode(errors='replace')}\n"
    return data[1:].decode(errors="replace") if data[0] in (_STDOUT, _STDERR) else ""
