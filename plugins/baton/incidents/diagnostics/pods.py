"""Collectors of what the cluster itself knows: states, logs, events, nodes, resource use, rollouts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable
from typing import Any

from baton.incidents.diagnostics.cluster_connection import ClusterConnection, Object
from baton.incidents.diagnostics.collector import CollectionScope, Document, NothingToCollectError, PartlyCollectedError
from baton.kubernetes import api_streams
from baton.kubernetes.api_streams import connection_errors
from baton.kubernetes.event_time import event_time
from baton.kubernetes.job_api import NotThereError, RefusedError
from baton.kubernetes.log_line import split_line
from baton.kubernetes.pod_log import LogUnreadableError

LOG_LINES = 5_000
"""Lines asked for of each container's log."""
LOG_BYTES = 256 * 1024
"""Bytes kept of them, the last ones."""
_REFUSED: tuple[type[Exception], ...] = (NotThereError, RefusedError, LogUnreadableError)
_KINDS = (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses"))


async def collect_states(scope: CollectionScope) -> AsyncGenerator[Document]:
    """The objects as they are: the target, its owners, its pods."""
    for found in scope.workload.objects:
        kind, name = found["kind"], found["metadata"]["name"]
        yield Document(f"workload/{kind.lower()}-{name}.yaml", f"{kind} {name}", found)
    for pod in scope.workload.pods:
        name = pod["metadata"]["name"]
        yield Document(f"pods/{name}.yaml", f"Pod {name}", {"kind": "Pod", **pod})


async def collect_logs(scope: CollectionScope) -> AsyncGenerator[Document]:
    """The end of each container's log, of the attempt that runs and of the one before."""
    wanted = [
        _log(scope.cluster, pod["metadata"]["name"], container, is_previous=previous)
        for pod in scope.workload.pods
        for container, previous in _logs_of(pod)
    ]
    if not wanted:
        raise NothingToCollectError("no container has run yet")
    async for document in _as_they_come(wanted):
        yield document


def _logs_of(pod: Object) -> Iterable[tuple[str, bool]]:
    """Container and whether the log of its attempt before is meant; only such as exist."""
    for _, field in _KINDS:
        for status in (pod.get("status") or {}).get(field) or ():
            state = status.get("state") or {}
            if "running" in state or "terminated" in state or status.get("restartCount"):
                yield status["name"], False
            # Of one that waits to be started again, the log is that of its last attempt; a kubelet keeps no older one.
            if status.get("restartCount") and "running" in state:
                yield status["name"], True


async def _log(cluster: ClusterConnection, pod: str, container: str, *, is_previous: bool) -> Document:
    query = {"container": container, "tailLines": str(LOG_LINES), "timestamps": "true"}
    suffix, words = (".previous", " before its last restart") if is_previous else ("", "")
    text = await _read_log(cluster, pod, query | ({"previous": "true"} if is_previous else {}))
    return Document(f"logs/{pod}/{container}{suffix}.log", f"Log of {pod}, {container}{words}", text)


async def _read_log(cluster: ClusterConnection, pod: str, query: dict[str, str]) -> str:
    """Read a log's end, again where the kubelet says instead that it cannot.

    :raises LogUnreadableError: it still cannot.
    """
    for is_last in (False, False, True):
        content = await cluster.log_tail(pod, query, LOG_BYTES)
        lines = content.splitlines()
        if not lines or any(split_line(line)[0] for line in lines):
            break
        if is_last:
            said = lines[-1][:300].decode(errors="replace")
            raise LogUnreadableError(f"the log of {pod}, {query['container']}: {said}")
        await asyncio.sleep(api_streams.PAUSE_SECONDS)
    return content.decode(errors="replace")


async def collect_events(scope: CollectionScope) -> AsyncGenerator[Document]:
    """The events about each of the objects, in one list by time."""
    names = sorted({*scope.workload.names(), *(name for _, name in scope.workload.target.candidates)})
    lists = await asyncio.gather(
        *(scope.cluster.list("events", fieldSelector=f"involvedObject.name={name}") for name in names)
    )
    events = sorted((event for found in lists for event in found), key=event_time)
    if not events:
        raise NothingToCollectError("there are no events; Kubernetes keeps them for an hour")
    yield Document("events.txt", "Events", "".join(f"{_event_line(event)}\n" for event in events))


def _event_line(event: Object) -> str:
    about = event.get("involvedObject") or {}
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    where = f"{about.get('kind', '')}/{about.get('name', '')}"
    message = " ".join(str(event.get("message") or "").split())
    columns = f"{event_time(event):<28}{event.get('type', ''):<9}{event.get('reason', ''):<24}"
    return f"{columns}{where}  {message} ({count} times)"


async def collect_nodes(scope: CollectionScope) -> AsyncGenerator[Document]:
    """The nodes that the pods are on."""
    names = sorted({name for pod in scope.workload.pods if (name := (pod.get("spec") or {}).get("nodeName"))})
    if not names:
        raise NothingToCollectError("no pod is on a node")

    async def node(name: str) -> Document:
        return Document(f"nodes/{name}.yaml", f"Node {name}", {"kind": "Node", **await scope.cluster.get(_node(name))})

    async for document in _as_they_come([node(name) for name in names]):
        yield document


def _node(name: str) -> str:
    return f"/api/v1/nodes/{name}"


async def collect_usage(scope: CollectionScope) -> AsyncGenerator[Document]:
    """What the pods use now, beside what they asked for and may take."""
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{scope.cluster.namespace}/pods"
    try:
        found = (await scope.cluster.get(path))["items"]
    except NotThereError as err:
        raise NothingToCollectError("this cluster does not serve metrics.k8s.io (it has no metrics-server)") from err
    used = {(pod["metadata"]["name"], item["name"]): item["usage"] for pod in found for item in pod["containers"]}
    lines = [f"{'pod/container':<64}{'':<8}{'uses':>14}{'requests':>14}{'limit':>14}"]
    for pod in scope.workload.pods:
        for container in pod["spec"]["containers"]:
            lines.extend(_usage_lines(pod["metadata"]["name"], container, used))
    yield Document("usage.txt", "Resource use", "\n".join(lines) + "\n")


def _usage_lines(pod: str, container: Object, used: dict[tuple[str, str], Object]) -> Iterable[str]:
    usage, resources = used.get((pod, container["name"]), {}), container.get("resources") or {}
    for resource in ("cpu", "memory"):
        amounts = (usage, resources.get("requests") or {}, resources.get("limits") or {})
        columns = "".join(f"{amount.get(resource, '-'):>14}" for amount in amounts)
        yield f"{pod + '/' + container['name']:<64}{resource:<8}{columns}"


async def collect_rollouts(scope: CollectionScope) -> AsyncGenerator[Document]:
    """The revisions of a Deployment, StatefulSet or DaemonSet: when, which images, how many pods."""
    for kind, resource in (("Deployment", "replicasets"), *((k, "controllerrevisions") for k in _BY_REVISION)):
        if (owner := scope.workload.first(kind)) is None:
            continue
        items = [item for item in await scope.cluster.list(resource) if _belongs(item, owner)]
        rows = sorted(map(_revision, items), key=lambda row: row[0])
        lines = [f"{number:>8}  {rest}" for number, rest in rows]
        head = f"{kind} {owner['metadata']['name']}\n\n{'revision':>8}  {'made':<22}{'pods':<7}images, reason\n"
        yield Document("rollouts.txt", "Rollouts", head + "\n".join(lines) + "\n")
        return
    raise NothingToCollectError("only Deployments, StatefulSets and DaemonSets have rollouts")


_BY_REVISION = ("StatefulSet", "DaemonSet")
_REVISION = "deployment.kubernetes.io/revision"
_CAUSE = "kubernetes.io/change-cause"


def _belongs(item: Object, owner: Object) -> bool:
    owners = item["metadata"].get("ownerReferences") or ()
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in owners)


def _revision(item: Object) -> tuple[int, str]:
    annotations = item["metadata"].get("annotations") or {}
    body: Object = item.get("data") or item  # a ControllerRevision holds the template in its data
    pod_spec = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
    images = ", ".join(container.get("image", "") for container in pod_spec.get("containers") or ())
    pods = str((item.get("status") or {}).get("replicas", "")) if "spec" in item else ""
    number = int(item.get("revision") or annotations.get(_REVISION) or 0)
    words = ", ".join(filter(None, (images, annotations.get(_CAUSE, ""))))
    return number, f"{item['metadata']['creationTimestamp']:<22}{pods:<7}{words}"


async def _as_they_come(wanted: list[Any]) -> AsyncGenerator[Document]:
    """What is asked for at once, in the order of the answers; what is refused is named at the end."""
    tasks = [asyncio.ensure_future(item) for item in wanted]
    refused: list[str] = []
    try:
        for task in asyncio.as_completed(tasks):
            document = await _unless_refused(task, refused)
            if document is not None:
                yield document
    finally:
        for started in tasks:
            started.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if refused:
        raise PartlyCollectedError("; ".join(sorted(set(refused))))


async def _unless_refused(task: Awaitable[Document], refused: list[str]) -> Document | None:
    try:
        return await task
    except _REFUSED + connection_errors() as err:
        refused.append(str(getattr(err, "reason", None) or err))
        return None
