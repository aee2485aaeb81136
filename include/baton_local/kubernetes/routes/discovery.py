"""What the server can do: versions, groups, resources, health, and as much OpenAPI as kubectl apply looks at."""

from __future__ import annotations

import platform
from typing import Any

from aiohttp import web

from baton_local.kubernetes.cluster import CLUSTER
from baton_local.kubernetes.errors import unknown_resource
from baton_local.kubernetes.resources import Kind

from .bodies import answer

Object = dict[str, Any]
VERSION = "v1.36.2"  # the release whose answers this server follows


async def health(request: web.Request) -> web.Response:
    """``/readyz``, ``/livez``, ``/healthz``."""
    return web.Response(text="ok")


async def version(request: web.Request) -> web.Response:
    """``/version``."""
    major, minor = VERSION[1:].split(".")[:2]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return answer(
        {
            "major": major,
            "minor": minor,
            "gitVersion": f"{VERSION}+local",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "",
            "goVersion": "",
            "compiler": "",
            "platform": f"{platform.system().lower()}/{machine}",
        }
    )


async def api_versions(request: web.Request) -> web.Response:
    """``/api``."""
    address = [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.host}]
    return answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": address})


async def groups(request: web.Request) -> web.Response:
    """``/apis``."""
    found = [_group(name, versions) for name, versions in request.app[CLUSTER].registry.groups().items()]
    return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": found})


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


async def group(request: web.Request) -> web.Response:
    """``/apis/GROUP``."""
    name = request.match_info["group"]
    versions = request.app[CLUSTER].registry.groups().get(name)
    if versions is None:
        raise unknown_resource(f"this local server does not serve the group {name}")
    return answer({"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)})


async def resources(request: web.Request) -> web.Response:
    """``/api/v1`` and ``/apis/GROUP/VERSION``."""
    group_name, version_name = request.match_info.get("group", ""), request.match_info["version"]
    kinds = request.app[CLUSTER].registry.of_version(group_name, version_name)
    if not kinds:
        raise unknown_resource(f"this local server does not serve {group_name}/{version_name}")
    listed = [entry for kind in kinds for entry in _entries(kind)]
    return answer(
        {
            "kind": "APIResourceList",
            "apiVersion": "v1",
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
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    verbs = {"status": ["get", "patch", "update"], "log": ["get"], "exec": ["create", "get"]}
    parts = [
        {
            "name": f"{kind.plural}/{part}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": "PodExecOptions" if part == "exec" else kind.kind,
            "verbs": verbs.get(part, ["get", "patch", "update"]),
        }
        for part in kind.subresources
    ]
    return [entry, *parts]


async def openapi(request: web.Request) -> web.Response:
    """``/openapi/v3``: where each group's document is."""
    registry = request.app[CLUSTER].registry
    paths = {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}
    for name, versions in registry.groups().items():
        for one in versions:
            paths[f"apis/{name}/{one}"] = {"serverRelativeURL": f"/openapi/v3/apis/{name}/{one}"}
    return answer({"paths": paths})


async def openapi_group(request: web.Request) -> web.Response:
    """One group's document: kubectl looks whether PATCH takes ``fieldValidation``, and nothing else is told."""
    group_name, version_name = request.match_info.get("group", ""), request.match_info["version"]
    kinds = request.app[CLUSTER].registry.of_version(group_name, version_name)
    if not kinds:
        raise unknown_resource()
    root = f"/apis/{group_name}/{version_name}" if group_name else f"/api/{version_name}"
    paths = {_path(root, kind): {"patch": _patch(kind)} for kind in kinds}
    info = {"title": "local Kubernetes", "version": VERSION}
    return answer({"openapi": "3.0.0", "info": info, "paths": paths})


def _path(root: str, kind: Kind) -> str:
    return (
        f"{root}/namespaces/{{namespace}}/{kind.plural}/{{name}}"
        if kind.namespaced
        else f"{root}/{kind.plural}/{{name}}"
    )


def _patch(kind: Kind) -> Object:
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")]
    return {
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {"group": kind.group, "kind": kind.kind, "version": kind.version},
    }


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
        web.get("/openapi/v3", openapi),
        web.get("/openapi/v3/api/{version}", openapi_group),
        web.get("/openapi/v3/apis/{group}/{version}", openapi_group),
    ]
