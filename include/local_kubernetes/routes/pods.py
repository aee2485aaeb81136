"""What only pods have: logs, commands inside them, bindings refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from local_kubernetes import attach, clock, exec, logs
from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import bad_request, not_implemented
from local_kubernetes.runtime.pod import PodRunner
from local_kubernetes.runtime.status import Container

from .bodies import flag, number
from .objects import find
from .target import resolve

Object = dict[str, Any]


async def log(request: web.Request) -> web.StreamResponse:
    """``GET …/pods/NAME/log``: what a container wrote, up to now or (``follow``) up to its end."""
    cluster = request.app[CONTROL_PLANE]
    target = resolve(cluster.registry, request.path)
    pod = find(cluster, target).object
    name = container_name(request, pod)
    selection = _selection(request)
    if not pod["spec"].get("nodeName"):
        return web.Response(status=204)  # no node has it yet, so there is nobody to ask
    runner = cluster.node.runner(pod)
    container = runner.container(name) if runner else None
    path = _log_file(cluster.node.directory_of(pod), pod, name, previous=flag(request, "previous"))
    ended = _end(container) if flag(request, "follow") and not flag(request, "previous") else None
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    try:
        async for piece in logs.read(path, selection, ended):
            await response.write(piece)
        await response.write_eof()
    except ConnectionResetError:
        return response
    return response


def _end(container: Container | None) -> asyncio.Event | None:
    return None if container is None else container.ended


def container_name(request: web.Request, pod: Object) -> str:
    """The container a request means.

    :raises ApiError: 400, it names none of the pod's containers, or none and there are several.
    """
    names = [c["name"] for part in ("initContainers", "containers") for c in pod["spec"].get(part) or []]
    pod_name, wanted = pod["metadata"]["name"], request.query.get("container", "")
    if wanted and wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {pod_name}")
    if not wanted:
        wanted = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container", "")
    if not wanted and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(names)}]")
    return wanted or names[0]


def container_status(pod: Object, name: str) -> Object:
    """A container's entry in the pod's status; empty if there is none yet."""
    status = pod.get("status") or {}
    for part in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(part) or []:
            if entry["name"] == name:
                return dict(entry)
    return {}


def _selection(request: web.Request) -> logs.Selection:
    seconds, time_text = number(request, "sinceSeconds"), request.query.get("sinceTime")
    since: float | None = None
    try:
        if seconds is not None:
            since = clock.unix() - seconds
        elif time_text:
            since = clock.parse(time_text)
    except ValueError as err:
        raise bad_request(f'sinceTime: "{time_text}" is no RFC 3339 time') from err
    tail = number(request, "tailLines")
    if tail is not None and tail < 0:
        raise bad_request("tailLines: must be greater than or equal to 0")
    return logs.Selection(flag(request, "timestamps"), since, tail, number(request, "limitBytes"))


def _log_file(directory: Path, pod: Object, name: str, *, previous: bool) -> Path:
    """The log of a container's run.

    :raises ApiError: 400, the container has not run (yet, or before).
    """
    pod_name, status = pod["metadata"]["name"], container_status(pod, name)
    restarts = int(status.get("restartCount", 0))
    waiting = (status.get("state") or {}).get("waiting")
    if previous:
        if not (status.get("lastState") or {}).get("terminated"):
            raise bad_request(f'previous terminated container "{name}" in pod "{pod_name}" not found')
        restarts -= 1
    elif (waiting and not (status.get("lastState") or {}).get("terminated")) or not status:
        reason = (waiting or {}).get("reason", "ContainerCreating")
        if "Image" in reason:
            reason = "trying and failing to pull image"
        raise bad_request(f'container "{name}" in pod "{pod_name}" is waiting to start: {reason}')
    return directory / "containers" / name / str(restarts) / "log"


async def exec_(request: web.Request) -> web.StreamResponse:
    """``GET …/pods/NAME/exec``: a command inside a running container, over a websocket."""
    runner, container = _running(request)
    return await exec.serve(request, runner, container)


async def attach_(request: web.Request) -> web.StreamResponse:
    """``GET …/pods/NAME/attach``: a running container's output, over a websocket."""
    _, container = _running(request)
    return await attach.serve(request, container)


async def port_forward(request: web.Request) -> web.StreamResponse:
    """``…/pods/NAME/portforward``: not needed here."""
    raise not_implemented(
        "port-forward is not supported by this local server: pods use this machine's own network, so whatever listens "
        "in one can be reached at 127.0.0.1 and its port"
    )


def _running(request: web.Request) -> tuple[PodRunner, Container]:
    """The running container that a request means, and its pod.

    :raises ApiError: 400, it does not run; 404.
    """
    cluster = request.app[CONTROL_PLANE]
    target = resolve(cluster.registry, request.path)
    pod = find(cluster, target).object
    name = container_name(request, pod)
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {target.name} does not have a host assigned")
    runner = cluster.node.runner(pod)
    container = runner.container(name) if runner else None
    if runner is None or container is None or "running" not in container.state:
        raise bad_request(f"unable to upgrade connection: container {name} in pod {target.name} is not running")
    return runner, container
