"""What only pods have: logs, commands inside them, bindings refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from local_kubernetes import attach, clock, exec, logs
from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import Cause, PlainError, bad_request, invalid, not_implemented
from local_kubernetes.query import flag
from local_kubernetes.runtime.pod import PodRunner
from local_kubernetes.runtime.status import Container

from .bodies import number
from .objects import find
from .target import resolve

Object = dict[str, Any]
_IMAGE_WORDS = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
_GONE = "unable to retrieve container logs for {}"


async def log(request: web.Request) -> web.StreamResponse:
    """``GET …/pods/NAME/log``: what a container wrote, up to now or (``follow``) up to its end."""
    cluster = request.app[CONTROL_PLANE]
    target = resolve(cluster.registry, request.path)
    pod = find(cluster, target).object
    name = container_name(request, pod)
    selection = _selection(request, target.name)
    if not pod["spec"].get("nodeName"):
        return web.Response(status=204)  # no node has it yet, so there is nobody to ask
    runner = cluster.node.runner(pod)
    container = runner.container(name) if runner else None
    path = _log_file(cluster.node.directory_of(pod), pod, name, previous=flag(request, "previous"))
    if path is None or not cluster.node.directory_of(pod).exists():
        return web.Response(text=_GONE.format(container_status(pod, name).get("containerID", "")))
    selection = replace(selection, running=container is not None and not container.ended.is_set())
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


def _selection(request: web.Request, pod: str) -> logs.Selection:
    """What of a log is wanted.

    :raises ApiError: 400, 422.
    """
    seconds, since = number(request, "sinceSeconds"), _time(request.query.get("sinceTime"))
    tail, most = number(request, "tailLines"), number(request, "limitBytes")
    causes = []
    if tail is not None and tail < 0:
        causes.append(_invalid("tailLines", tail, "must be greater than or equal to 0"))
    if most is not None and most <= 0:
        causes.append(_invalid("limitBytes", most, "must be greater than 0"))
    if seconds is not None and since is not None:
        both = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(Cause("[]", "FieldValueForbidden", both))
    elif seconds is not None and seconds <= 0:
        causes.append(_invalid("sinceSeconds", seconds, "must be greater than 0"))
    if request.query.get("stream"):
        causes.append(Cause("stream", "FieldValueForbidden", "Forbidden: may not be specified"))
    if causes:
        raise invalid("PodLogOptions", pod, causes)
    if seconds is not None:
        since = clock.unix() - seconds
    return logs.Selection(flag(request, "timestamps"), since, tail, most)


def _time(text: str | None) -> float | None:
    """A point in time, in whole seconds as metav1.Time has it."""
    try:
        return float(int(clock.parse(text))) if text else None
    except ValueError as err:
        pattern = "2006-01-02T15:04:05Z07:00"
        why = f'parsing time "{text}" as "{pattern}": cannot parse "{text}" as "2006"'
        raise bad_request(why) from err


def _invalid(field: str, value: int, why: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {value}: {why}")


def _log_file(directory: Path, pod: Object, name: str, *, previous: bool) -> Path | None:
    """The log of a container's run; None if it is not kept: of those that have ended only the newest is.

    :raises ApiError: 400, the container has not run (yet, or before).
    """
    pod_name, status = pod["metadata"]["name"], container_status(pod, name)
    restarts = int(status.get("restartCount", 0))
    state = status.get("state") or {}
    ran_before = bool((status.get("lastState") or {}).get("terminated"))
    if previous:
        if not ran_before:
            raise bad_request(f'previous terminated container "{name}" in pod "{pod_name}" not found')
        if "running" not in state:
            return None
        restarts -= 1
    elif (state.get("terminated") or {"startedAt": 1}).get("startedAt") is None:
        raise bad_request(f'container "{name}" in pod "{pod_name}" is terminated')
    elif (state.get("waiting") and not ran_before) or not status:
        reason = (state.get("waiting") or {}).get("reason", "ContainerCreating")
        words = _IMAGE_WORDS.get(reason, reason)
        raise bad_request(f'container "{name}" in pod "{pod_name}" is waiting to start: {words}')
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

    :raises ApiError: 400, it has no node; 404; 500, it does not run, as a kubelet says it.
    """
    cluster = request.app[CONTROL_PLANE]
    target = resolve(cluster.registry, request.path)
    pod = find(cluster, target).object
    name = container_name(request, pod)
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {target.name} does not have a host assigned")
    exec.require_upgrade(request)
    runner = cluster.node.runner(pod)
    container = runner.container(name) if runner else None
    if runner is None or container is None or not container.has_process:
        attaching = target.subresource == "attach"
        pod_name = f"{target.name}_{target.namespace}"
        raise PlainError(
            500, f"container {name} not found in pod {pod_name}" if attaching else f'container not found ("{name}")'
        )
    return runner, container
