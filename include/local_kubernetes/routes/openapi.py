"""``/openapi/v3``: what kubectl explain shows and kubectl apply merges by. Made when it is asked for."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from aiohttp import web

from kubernetes_values import message_name
from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import unknown_resource
from local_kubernetes.resources import Kind
from local_kubernetes.schema.openapi import component, reference, schemas
from local_kubernetes.store import encode
from local_kubernetes.version import VERSION

from .bodies import answer

Object = dict[str, Any]
_YEAR_SECONDS = 365 * 24 * 3600


async def index(request: web.Request) -> web.Response:
    """Where each group's document is; the hash lets clients keep what has not changed."""
    registry = request.app[CONTROL_PLANE].registry
    versions = [("", "v1"), *((name, one) for name, ones in registry.groups().items() for one in ones)]
    paths = {}
    for group, version in versions:
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        digest = _digest(registry.of_version(group, version))
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return answer({"paths": paths})


def _digest(kinds: list[Kind]) -> str:
    described = [[VERSION, kind.plural, kind.kind, list(kind.subresources), kind.schema] for kind in kinds]
    return hashlib.sha256(encode(described)).hexdigest()[:32].upper()


async def document(request: web.Request) -> web.Response:
    """One group's document."""
    group, version = request.match_info.get("group", ""), request.match_info["version"]
    kinds = request.app[CONTROL_PLANE].registry.of_version(group, version)
    if not kinds:
        raise unknown_resource(f"this local server does not serve {group or 'core'}/{version}")
    headers = {"Content-Type": "application/json"}
    if request.query.get("hash") == _digest(kinds):
        headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    return web.Response(body=_document(_Kinds(kinds)), headers=headers)


class _Kinds(tuple[Kind, ...]):
    """Kinds, told apart by what their document says: a Kind itself holds schemas, which cannot be hashed."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(_digest(list(self)))


@lru_cache(maxsize=8)
def _document(kinds: _Kinds) -> bytes:
    components: Object = schemas([*filter(None, (message_name(kind.group, kind.kind) for kind in kinds)), *_ALWAYS])
    paths: Object = {}
    for kind in kinds:
        name = message_name(kind.group, kind.kind)
        shown = component(name) if name else _custom_component(kind)
        if name is None:
            components[shown] = _custom_schema(kind)
        components[shown]["x-kubernetes-group-version-kind"] = [_identity(kind)]
        paths |= _paths(kind)
    info = {"title": "local Kubernetes", "version": VERSION}
    return encode({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": components}})


_ALWAYS = ("meta.ObjectMeta", "meta.DeleteOptions", "meta.Status")


def _identity(kind: Kind) -> Object:
    return {"group": kind.group, "kind": kind.kind, "version": kind.version}


def _custom_component(kind: Kind) -> str:
    return f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}.{kind.kind}"


def _custom_schema(kind: Kind) -> Object:
    schema = kind.schema or {"type": "object"}
    own = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": reference("meta.ObjectMeta")}
    return {**schema, "properties": {**(schema.get("properties") or {}), **own}}


def _paths(kind: Kind) -> Object:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    collection = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    paths = {collection: {"post": _operation(kind, "post")}}
    if "patch" in kind.verbs:
        paths[f"{collection}/{{name}}"] = {"patch": _operation(kind, "patch")}
    return paths


def _operation(kind: Kind, action: str) -> Object:
    names = ("dryRun", "fieldManager", "fieldValidation", *(("force",) if action == "patch" else ()))
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    return {
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _identity(kind),
    }
