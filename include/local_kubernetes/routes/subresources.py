"""Parts of objects that have a path of their own: ``binding``, ``eviction``, ``scale``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local_kubernetes import clock
from local_kubernetes.access.tokens import AUDIENCE
from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.deletion import DeleteOptions
from local_kubernetes.errors import ApiError, Cause, bad_request, conflict, invalid, method_not_allowed, not_found
from local_kubernetes.patches import json_patch, merge
from local_kubernetes.runtime.status import DISRUPTION, FINAL
from local_kubernetes.selector_parsing import selector_text

from .bodies import answer, dry_run, read
from .changes import replaced
from .target import Target

Object = dict[str, Any]
Handler = Callable[[web.Request, Target], Awaitable[web.StreamResponse]]
_HOUR_SECONDS = 3600
_SHORTEST_SECONDS = 600
_DONE = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def bind(request: web.Request, target: Target) -> web.StreamResponse:
    """``POST …/pods/NAME/binding``: a scheduler's decision. A pod bound to a node that is not here waits for ever."""
    body = await _posted(request, "Binding")
    node = (body.get("target") or {}).get("name") or ""
    if not node:
        raise invalid("Binding", target.name, [Cause("target.name", "FieldValueRequired", "Required value")])
    cluster = request.app[CONTROL_PLANE]
    pod = _find(request, target)
    if pod["spec"].get("nodeName"):
        why = f'pod {target.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise conflict("pods/binding", target.name, why)
    if not dry_run(request):
        condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": clock.now()}
        status = {**pod["status"], "conditions": [condition]}
        bound = cluster.store.put(target.key, {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": status})
        cluster.scheduler.created(bound.object)
    return answer(_DONE, 201)


async def evict(request: web.Request, target: Target) -> web.StreamResponse:
    """``POST …/pods/NAME/eviction``: as a deletion; there are no disruption budgets here that could refuse it."""
    body = await _posted(request, "Eviction")
    _find(request, target)
    wanted = body.get("deleteOptions") or {}
    grace = wanted.get("gracePeriodSeconds")
    if not dry_run(request, wanted):
        _tell_disruption(request, target)
        options = DeleteOptions(None if grace is None else float(grace))
        request.app[CONTROL_PLANE].operations.delete(target.kind.resource, target.namespace or "", target.name, options)
    return answer(_DONE, 201)


def _tell_disruption(request: web.Request, target: Target) -> None:
    """The condition by which a ``podFailurePolicy`` tells an eviction from a failure of the pod's own."""
    store, pod = request.app[CONTROL_PLANE].store, _find(request, target)
    if pod["status"].get("phase") in FINAL:
        return
    condition = {
        "type": DISRUPTION,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": clock.now(),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    others = [each for each in pod["status"].get("conditions") or [] if each["type"] != DISRUPTION]
    store.put(target.key, {**pod, "status": {**pod["status"], "conditions": [*others, condition]}})


async def _posted(request: web.Request, kind: str) -> Object:
    if request.method != "POST":
        raise method_not_allowed()
    body = await read(request, kind)
    if not isinstance(body, dict):
        raise bad_request(f"the body must be a {kind}")
    return body


def _find(request: web.Request, target: Target) -> Object:
    stored = request.app[CONTROL_PLANE].store.get(target.key)
    if stored is None:
        raise not_found(target.kind.plural, target.name, target.kind.group)
    return stored.object


async def scale(request: web.Request, target: Target) -> web.StreamResponse:
    """``…/scale``: how many replicas there are and shall be, whatever the kind."""
    obj = _find(request, target)
    current = _scale(target, obj)
    if request.method == "GET":
        return answer(current)
    if request.method not in ("PUT", "PATCH"):
        raise method_not_allowed()
    body = await read(request, "Scale")
    wanted = body if request.method == "PUT" else _patched(current, body, request.content_type)
    changed = _with_replicas(target, obj, wanted)
    if dry_run(request):
        return answer(_scale(target, changed))
    stored = request.app[CONTROL_PLANE].operations.store_change(target.kind, target.key, changed)
    return answer(_scale(target, stored.object))


def _patched(current: Object, patch: Any, content_type: str) -> Any:
    return json_patch(current, patch) if content_type == "application/json-patch+json" else merge(current, patch)


def _with_replicas(target: Target, obj: Object, wanted: Any) -> Object:
    replicas = ((wanted.get("spec") or {}) if isinstance(wanted, dict) else {}).get("replicas", 0)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise bad_request("json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32")
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid("Scale", target.name, [Cause("spec.replicas", "FieldValueInvalid", message)], "autoscaling")
    version = (wanted.get("metadata") or {}).get("resourceVersion") or obj["metadata"]["resourceVersion"]
    metadata = {**obj["metadata"], "resourceVersion": version}
    return replaced(
        Target(target.kind, target.namespace, target.name),
        obj,
        _put(obj, target.kind.scale_paths[0], replicas) | {"metadata": metadata},
    )


def _scale(target: Target, obj: Object) -> Object:
    spec_path, status_path, selector_path = target.kind.scale_paths
    own = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Object = {"replicas": _at(obj, status_path) or 0}
    selector = _at(obj, selector_path)
    if selector:
        status["selector"] = selector if isinstance(selector, str) else selector_text(selector)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: obj["metadata"][name] for name in own if name in obj["metadata"]},
        "spec": {"replicas": _at(obj, spec_path) or 0},
        "status": status,
    }


def _at(obj: Object, path: str) -> Any:
    value: Any = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(obj: Object, path: str, value: Any) -> Object:
    name, _, rest = path.partition(".")
    return {**obj, name: _put(obj.get(name) or {}, rest, value) if rest else value}


async def token(request: web.Request, target: Target) -> web.StreamResponse:
    """``POST …/serviceaccounts/NAME/token``: a TokenRequest."""
    body = await _posted(request, "TokenRequest")
    account, cluster = _find(request, target), request.app[CONTROL_PLANE]
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds") or _HOUR_SECONDS
    if seconds < _SHORTEST_SECONDS:
        message = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        cause = Cause("spec.expirationSeconds", "FieldValueInvalid", message)
        raise invalid("TokenRequest", "", [cause], "authentication.k8s.io")
    audiences, bound = spec.get("audiences") or [AUDIENCE], spec.get("boundObjectRef")
    pod = None
    if bound and bound.get("kind") == "Pod":
        pod = cluster.operations.find("pods", target.namespace or "", bound.get("name") or "")
        if pod is None:
            raise not_found("pods", bound.get("name") or "")
    issued = cluster.access.tokens.issue(account, audiences, int(seconds), pod)
    metadata = {name: account["metadata"][name] for name in ("name", "namespace", "uid")}
    told = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {**metadata, "creationTimestamp": clock.now()},
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound},
        "status": {"token": issued, "expirationTimestamp": clock.seconds(clock.unix() + seconds)},
    }
    return answer(told, 201)


HANDLERS: dict[str, Handler] = {"binding": bind, "eviction": evict, "scale": scale, "token": token}


async def handle(request: web.Request, target: Target) -> web.StreamResponse:
    """A request for a part of an object, other than ``status``.

    :raises ApiError: 405, the part has no handler here.
    """
    handler = HANDLERS.get(target.subresource)
    if handler is None:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
    return await handler(request, target)
