"""``PATCH`` with ``application/apply-patch+yaml``: server-side apply, which creates what is missing."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from kubernetes_values import message_name
from local_kubernetes import managed_fields
from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import Cause, bad_request, invalid
from local_kubernetes.query import flag

from .bodies import answer, dry_run, read_object, respond
from .changes import checked
from .decoding import FieldValidation
from .target import Target

Object = dict[str, Any]


async def apply(request: web.Request, target: Target) -> web.StreamResponse:
    """Make the fields that a manager names what it says, and let go of those it named before and no longer does."""
    manager = request.query.get("fieldManager", "")
    if not manager:
        cause = Cause("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
        raise invalid("PatchOptions", "", [cause], "meta.k8s.io")
    validation = FieldValidation("Strict")
    body, decoded = await read_object(request, target.kind, validation)
    _check_body(target, body)
    kind = message_name(target.kind.group, target.kind.kind)
    mine = managed_fields.paths(body, kind)
    line = managed_fields.entry(manager, target.kind.api_version, target.subresource, mine)
    cluster = request.app[CONTROL_PLANE]
    stored = cluster.store.get(target.key)
    if stored is None:
        return await _create(request, target, {**decoded, "metadata": {**decoded["metadata"], "managedFields": [line]}})
    live = stored.object
    changed, entries = _applied(request, target, live, body, line)
    after = checked(target, live, changed)
    metadata = {**after["metadata"], "managedFields": entries}
    after = {**after, "metadata": metadata}
    if after == live:
        return respond(stored.raw)
    if dry_run(request):
        return answer(after)
    return respond(cluster.operations.store_change(target.kind, target.key, after).raw)


def _check_body(target: Target, body: Object) -> None:
    name = (body.get("metadata") or {}).get("name") or target.name
    if name != target.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({target.name})")
    if (body.get("metadata") or {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")


def _applied(
    request: web.Request, target: Target, live: Object, body: Object, line: Object
) -> tuple[Object, list[Object]]:
    """The object with the applied fields, and who manages what from now on."""
    kind = message_name(target.kind.group, target.kind.kind)
    mine = managed_fields.read(line["fieldsV1"])
    entries = live["metadata"].get("managedFields") or []
    own = [entry for entry in entries if _same(entry, line)]
    others = [entry for entry in entries if not _same(entry, line)]
    after = managed_fields.merged(live, body, kind)
    found = managed_fields.conflicts(live, after, mine, others)
    if found and not flag(request, "force"):
        raise managed_fields.refuse(found)
    others = [_without(entry, found) for entry in others]
    before = {path for entry in own for path in managed_fields.read(entry["fieldsV1"])}
    kept = {path for entry in others for path in managed_fields.read(entry["fieldsV1"])} | mine
    after = managed_fields.without(after, before - mine, kept, kind)
    after = FieldValidation("Ignore").decode_patched(target.kind, after, body)
    if own and before == mine:
        line = {**line, "time": own[0]["time"]}
    return after, [*(entry for entry in others if entry["fieldsV1"]), line]


def _same(entry: Object, line: Object) -> bool:
    return (entry["manager"], entry.get("subresource")) == (line["manager"], line.get("subresource"))


def _without(entry: Object, taken: dict[str, list[managed_fields.Path]]) -> Object:
    lost = set(taken.get(entry["manager"], ()))
    fields = managed_fields.read(entry["fieldsV1"]) - lost
    return {**entry, "fieldsV1": managed_fields.written(fields)} if lost else entry


async def _create(request: web.Request, target: Target, body: Object) -> web.StreamResponse:
    cluster, kind = request.app[CONTROL_PLANE], target.kind
    body = {**body, "metadata": {**body["metadata"], "name": target.name}}
    dry = dry_run(request)
    obj = cluster.operations.create(kind.resource, target.namespace, body, dry_run=dry)
    if not dry:
        key = kind.key(target.namespace or "", target.name)
        obj = await cluster.operations.lifecycle(kind).settled(key, obj)
    return answer(obj, 201)
