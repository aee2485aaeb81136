"""Collections: selected by namespace, labels and fields, cut into pages, as a list or as a table."""

from __future__ import annotations

import base64
import json
from typing import Any

from aiohttp import web

from baton_local.kubernetes.cluster import CLUSTER
from baton_local.kubernetes.errors import bad_request
from baton_local.kubernetes.resources import Kind
from baton_local.kubernetes.selectors import Predicate, fields, labels
from baton_local.kubernetes.tables import table

from .bodies import answer, number, wants_table
from .target import Target

Object = dict[str, Any]


def predicate(request: web.Request, kind: Kind) -> Predicate:
    """What the request's selectors take.

    :raises ApiError: 400, a selector cannot be read.
    """
    by_labels = labels(request.query.get("labelSelector", ""))
    by_fields = fields(request.query.get("fieldSelector", ""), kind.selectable)
    return lambda obj: by_labels(obj) and by_fields(obj)


def selected(request: web.Request, target: Target) -> list[Object]:
    """The objects of a collection that the selectors take, by namespace and name."""
    fits = predicate(request, target.kind)
    found = request.app[CLUSTER].store.objects(target.kind.resource, target.namespace)
    return [obj for obj in found if fits(obj)]


def collection(request: web.Request, target: Target) -> web.Response:
    """The answer to a list request."""
    version = str(request.app[CLUSTER].store.version)
    found, metadata = _page(request, selected(request, target))
    metadata = {"resourceVersion": version, **metadata}
    if wants_table(request):
        return answer({**table_of(request, target.kind, found, version), "metadata": metadata})
    items = [{name: value for name, value in obj.items() if name not in ("kind", "apiVersion")} for obj in found]
    kind = target.kind
    return answer({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items})


def table_of(request: web.Request, kind: Kind, found: list[Object], version: str) -> Object:
    """Objects as the table the request asks for."""
    return table(kind, found, version, request.query.get("includeObject", "Metadata"))


def _page(request: web.Request, found: list[Object]) -> tuple[list[Object], Object]:
    limit = number(request, "limit") or 0
    token = request.query.get("continue", "")
    if token:
        start = _read_token(token)
        found = [obj for obj in found if _position(obj) > start]
    if not limit or len(found) <= limit:
        return found, {}
    page = found[:limit]
    return page, {"continue": _token(page[-1]), "remainingItemCount": len(found) - limit}


def _position(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _token(last: Object) -> str:
    return base64.urlsafe_b64encode(json.dumps(_position(last)).encode()).decode()


def _read_token(token: str) -> tuple[str, str]:
    try:
        namespace, name = json.loads(base64.urlsafe_b64decode(token))
        return str(namespace), str(name)
    except ValueError as err:
        raise bad_request(f"invalid continue token: continue key is not valid: {err}") from err
