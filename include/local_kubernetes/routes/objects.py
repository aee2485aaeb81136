"""Create, read, change and delete objects of any kind."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local_kubernetes.access import admission, escalation
from local_kubernetes.access.users import user_of
from local_kubernetes.control_plane import CONTROL_PLANE, ControlPlane
from local_kubernetes.deletion import PROPAGATIONS, DeleteOptions
from local_kubernetes.errors import ApiError, Cause, bad_request, conflict, invalid, method_not_allowed, not_found
from local_kubernetes.kinds.review import KINDS as REVIEWS
from local_kubernetes.resources import Kind
from local_kubernetes.schema.decoding import DecodeError, Decoder
from local_kubernetes.store import Stored, encode

from . import subresources
from .apply import apply
from .bodies import answer, dry_run, number, read, read_object, respond, wants_table
from .changes import patched, replaced
from .decoding import FieldValidation, without_status
from .lists import collection, selected, table_of
from .reviews import review
from .target import Target, resolve
from .watches import watch

Object = dict[str, Any]


async def handle(request: web.Request) -> web.StreamResponse:
    """Any path below ``/api/v1`` and ``/apis/GROUP/VERSION`` that names objects."""
    target = resolve(request.app[CONTROL_PLANE].registry, request.path)
    if not target.name:
        return await _handle_collection(request, target)
    if target.subresource not in ("", "status"):
        return await subresources.handle(request, target)
    handlers = {"GET": get, "PUT": replace, "PATCH": patch, "DELETE": delete}
    handler = handlers.get(request.method)
    verb = {"PUT": "update"}.get(request.method, request.method.lower())
    if handler is None or (target.subresource and request.method == "DELETE") or verb not in target.kind.verbs:
        raise method_not_allowed()
    return await handler(request, target)


async def _handle_collection(request: web.Request, target: Target) -> web.StreamResponse:
    if request.method == "GET":
        if "list" not in target.kind.verbs:
            raise method_not_allowed()
        if request.query.get("watch", "").lower() in ("true", "1"):
            return await watch(request, target)
        return collection(request, target)
    if request.method == "POST" and (target.namespace is not None or not target.kind.namespaced):
        return await (review if target.kind in REVIEWS else create)(request, target)
    if request.method == "DELETE" and "deletecollection" in target.kind.verbs:
        return await delete_collection(request, target)
    raise method_not_allowed()


def find(cluster: ControlPlane, target: Target) -> Stored:
    """The object a path names.

    :raises ApiError: 404.
    """
    stored = cluster.store.get(target.key)
    if stored is None:
        raise not_found(target.kind.plural, target.name, target.kind.group)
    return stored


async def get(request: web.Request, target: Target) -> web.Response:
    """One object; its bytes are ready."""
    stored = find(request.app[CONTROL_PLANE], target)
    if wants_table(request):
        return answer(table_of(request, target.kind, [stored.object], stored.object["metadata"]["resourceVersion"]))
    shown = target.kind.shown(stored.object)
    return respond(stored.raw) if shown is stored.object else answer(shown)


async def create(request: web.Request, target: Target) -> web.Response:
    """A new object; the answer waits a moment for the first that there is to tell about it."""
    cluster, kind = request.app[CONTROL_PLANE], target.kind
    validation = FieldValidation.of(request)
    _, body = await read_object(request, kind, validation)
    placed = {**body, "metadata": {**body["metadata"], "namespace": target.namespace or ""}}
    escalation.check(cluster.access.rbac, user_of(request), kind, placed)
    if body["metadata"].get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    dry = dry_run(request)
    body = without_status(kind, body)
    obj = cluster.operations.create(kind.resource, target.namespace, body, dry_run=dry)
    validation.warnings += admission.warnings(cluster.store, kind, obj)
    if dry:
        return validation.with_warnings(answer(obj, 201))
    key = kind.key(target.namespace or "", obj["metadata"]["name"])
    seen = await cluster.operations.lifecycle(kind).settled(key, obj)
    stored = cluster.store.get(key)
    return validation.with_warnings(
        respond(stored.raw if stored is not None and stored.object is seen else encode(seen), 201)
    )


async def replace(request: web.Request, target: Target) -> web.Response:
    """PUT: the whole object anew."""
    validation = FieldValidation.of(request)
    _, body = await read_object(request, target.kind, validation)
    stored = find(request.app[CONTROL_PLANE], target)
    return validation.with_warnings(_store_change(request, target, stored, replaced(target, stored.object, body)))


async def patch(request: web.Request, target: Target) -> web.StreamResponse:
    """PATCH: a part of the object, in one of four formats."""
    if request.content_type == "application/apply-patch+yaml":
        return await apply(request, target)
    body = await read(request, target.kind.kind)
    stored = find(request.app[CONTROL_PLANE], target)
    validation = FieldValidation.of(request)
    changed = patched(target, stored.object, body, request.content_type, validation)
    return validation.with_warnings(_store_change(request, target, stored, changed))


def _store_change(request: web.Request, target: Target, stored: Stored, changed: Object) -> web.Response:
    if changed == stored.object:
        return respond(stored.raw)
    escalation.check(request.app[CONTROL_PLANE].access.rbac, user_of(request), target.kind, changed)
    if dry_run(request):
        return answer(changed)
    return respond(request.app[CONTROL_PLANE].operations.store_change(target.kind, target.key, changed).raw)


async def delete(request: web.Request, target: Target) -> web.Response:
    """DELETE one object."""
    cluster, kind = request.app[CONTROL_PLANE], target.kind
    stored = find(cluster, target)
    options, sent = await _delete_options(request)
    _check_preconditions(kind, stored.object, sent.get("preconditions") or {})
    if dry_run(request, sent):
        cluster.operations.lifecycle(kind).check_deletion(stored.object)
        return respond(stored.raw)
    last = cluster.operations.end(kind, target.key, stored.object, options)
    if not kind.returns_status_when_deleted or cluster.store.get(target.key) is not None:
        return answer(last)
    details = {"name": target.name, "kind": kind.plural, "uid": last["metadata"]["uid"]}
    if kind.group:
        details["group"] = kind.group
    return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


async def delete_collection(request: web.Request, target: Target) -> web.Response:
    """DELETE what the selectors take."""
    cluster = request.app[CONTROL_PLANE]
    options, sent = await _delete_options(request)
    dry = dry_run(request, sent)
    body = {"kind": f"{target.kind.kind}List", "apiVersion": target.kind.api_version}
    found = selected(request, target)
    for obj in [] if dry else found:
        key = target.kind.key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        cluster.operations.end(target.kind, key, obj, options)
    items = [target.kind.listed(obj) for obj in found]
    return answer({**body, "metadata": {"resourceVersion": str(cluster.store.version)}, "items": items})


async def _delete_options(request: web.Request) -> tuple[DeleteOptions, Object]:
    """What the query and the body say, and the body."""
    body = await read(request, "DeleteOptions") if request.can_read_body else {}
    try:
        body = Decoder().decode("meta.DeleteOptions", body if isinstance(body, dict) else {})
    except DecodeError as err:
        raise bad_request(f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {err}') from err
    grace = number(request, "gracePeriodSeconds")
    grace = body.get("gracePeriodSeconds") if grace is None else grace
    if grace is not None and grace < 0:
        grace = 1  # the real server's way to read a negative one
    return DeleteOptions(None if grace is None else float(grace), _propagation(request, body)), body


def _propagation(request: web.Request, body: Object) -> str | None:
    orphan = request.query.get("orphanDependents", body.get("orphanDependents"))
    word = request.query.get("propagationPolicy") or body.get("propagationPolicy")
    if orphan is not None and not word:
        return "Orphan" if str(orphan).lower() in ("true", "1") else "Background"
    if orphan is not None:
        both = "orphanDependents and deletionPropagation cannot be both set"
        cause = Cause("propagationPolicy", "FieldValueInvalid", f'Invalid value: "{word}": {both}')
        raise invalid("DeleteOptions", "", [cause], "meta.k8s.io")
    if word and word not in PROPAGATIONS:
        supported = ", ".join(f'"{known}"' for known in (*PROPAGATIONS, "nil"))
        message = f'Unsupported value: "{word}": supported values: {supported}'
        raise invalid(
            "DeleteOptions", "", [Cause("propagationPolicy", "FieldValueNotSupported", message)], "meta.k8s.io"
        )
    return word or None


def _check_preconditions(kind: Kind, obj: Object, wanted: Object) -> None:
    have = obj["metadata"]
    for field, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) not in (None, have[field]):
            raise conflict(
                kind.kind,
                have["name"],
                f"the {word} in the precondition ({wanted[field]}) does not match the {word} in record "
                f"({have[field]}). The object might have been deleted and then recreated",
            )
