"""What the server can do: versions, groups, resources, health."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import unknown_resource
from local_kubernetes.resources import Kind
from local_kubernetes.store import encode
from local_kubernetes.version import VERSION, architecture, system

from . import openapi
from .bodies import answer

Object = dict[str, Any]
_CHANGE = ("get", "patch", "update")
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
# Parts whose objects are of another kind: their group, version and kind (empty: the object's own), and their verbs.
_PARTS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "attach": ("", "", "PodAttachOptions", ("create", "get")),
    "binding": ("", "", "Binding", ("create",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "exec": ("", "", "PodExecOptions", ("create", "get")),
    "log": ("", "", "", ("get",)),
    "scale": ("autoscaling", "v1", "Scale", _CHANGE),
    "status": ("", "", "", _CHANGE),
}


async def health(request: web.Request) -> web.Response:
    """``/readyz``, ``/livez``, ``/healthz``."""
    return web.Response(text="ok")


async def version(request: web.Request) -> web.Response:
    """``/version``."""
    major, minor = VERSION[1:].split(".")[:2]
    return answer(
        {
            "major": major,
            "minor": minor,
            "gitVersion": VERSION,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "",
            "goVersion": "",
            "compiler": "",
            "platform": f"{system()}/{architecture()}",
        }
    )


async def api_versions(request: web.Request) -> web.Response:
    """``/api``."""
    if _wants_aggregated(request):
        return _aggregated(request, [("", ["v1"])])
    address = [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.host}]
    return answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": address})


async def groups(request: web.Request) -> web.Response:
    """``/apis``."""
    if _wants_aggregated(request):
        return _aggregated(request, list(request.app[CONTROL_PLANE].registry.groups().items()))
    found = [_group(name, versions) for name, versions in request.app[CONTROL_PLANE].registry.groups().items()]
    return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": found})


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


async def group(request: web.Request) -> web.Response:
    """``/apis/GROUP``."""
    name = request.match_info["group"]
    versions = request.app[CONTROL_PLANE].registry.groups().get(name)
    if versions is None:
        raise unknown_resource(f"this local server does not serve the group {name}")
    return answer({"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)})


async def resources(request: web.Request) -> web.Response:
    """``/api/v1`` and ``/apis/GROUP/VERSION``."""
    group_name, version_name = request.match_info.get("group", ""), request.match_info["version"]
    kinds = request.app[CONTROL_PLANE].registry.of_version(group_name, version_name)
    if not kinds:
        raise unknown_resource(f"this local server does not serve {group_name}/{version_name}")
    listed = [entry for kind in kinds for entry in _entries(kind)]
    return answer(
        {
            "kind": "APIResourceList",
            **({"apiVersion": "v1"} if group_name else {}),  # the core group's list has none
            "groupVersion": f"{group_name}/{version_name}" if group_name else version_name,
            "resources": listed,
        }
    )


def _entries(kind: Kind) -> list[Object]:
    entry: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    return [{**entry, **_names(kind)}, *(_part(kind, part) for part in sorted(kind.subresources))]


def _names(kind: Kind) -> Object:
    names = {"shortNames": kind.short_names, "categories": kind.categories}
    return {name: list(values) for name, values in names.items() if values}


def _part(kind: Kind, part: str) -> Object:
    group_name, version_name, kind_name, verbs = _PARTS[part]
    entry: Object = {"name": f"{kind.plural}/{part}", "singularName": "", "namespaced": kind.namespaced}
    if group_name:
        entry |= {"group": group_name, "version": version_name}
    return {**entry, "kind": kind_name or kind.kind, "verbs": list(verbs)}


def _wants_aggregated(request: web.Request) -> bool:
    accepted = request.headers.get("Accept", "").replace(" ", "")
    return "as=APIGroupDiscoveryList" in accepted and "v=v2;" in f"{accepted.partition(',')[0]};"


def _aggregated(request: web.Request, groups_found: list[tuple[str, list[str]]]) -> web.Response:
    """All groups, versions and resources in one answer."""
    items = [_group_discovery(request, name, versions) for name, versions in groups_found]
    body = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    return web.Response(body=encode(body), headers={"Content-Type": _AGGREGATED})


def _group_discovery(request: web.Request, name: str, versions: list[str]) -> Object:
    registry = request.app[CONTROL_PLANE].registry
    listed = [
        {
            "version": one,
            "resources": [_discovered(kind) for kind in registry.of_version(name, one)],
            "freshness": "Current",
        }
        for one in versions
    ]
    return {"metadata": {"name": name} if name else {}, "versions": listed}


def _own(kind: Kind) -> Object:
    """Group and version of a kind's objects; the real server leaves them empty but for custom resources."""
    return {"group": "", "version": ""} if kind.prune is None else {"group": kind.group, "version": kind.version}


def _discovered(kind: Kind) -> Object:
    parts = [_discovered_part(kind, part) for part in sorted(kind.subresources)]
    return {
        "resource": kind.plural,
        "responseKind": {**_own(kind), "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        **_names(kind),
        **({"subresources": parts} if parts else {}),
    }


def _discovered_part(kind: Kind, part: str) -> Object:
    group_name, version_name, kind_name, verbs = _PARTS[part]
    own = {"group": group_name, "version": version_name} if group_name else _own(kind)
    response_kind = {**own, "kind": kind_name or kind.kind}
    return {"subresource": part, "responseKind": response_kind, "verbs": list(verbs)}


def routes() -> list[web.RouteDef]:
    """The paths of this module."""
    return [
        *(web.get(path, health) for path in ("/readyz", "/livez", "/healthz")),
        web.get("/version", version),
        web.get("/api", api_versions),
        web.get("/apis", groups),
        web.get("/apis/{group}", group),
        web.get("/api/{version}", resources),
        web.get("/apis/{group}/{version}", resources),
        web.get("/openapi/v3", openapi.index),
        web.get("/openapi/v3/api/{version}", openapi.document),
        web.get("/openapi/v3/apis/{group}/{version}", openapi.document),
    ]
