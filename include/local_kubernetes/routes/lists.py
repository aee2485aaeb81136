"""Collections: selected by namespace, labels and fields, cut into pages, as a list or as a table."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from aiohttp import web

from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import ApiError, bad_request
from local_kubernetes.resources import Kind
from local_kubernetes.selector_parsing import Predicate, fields, labels
from local_kubernetes.store import encode
from local_kubernetes.tables import table

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
    found = request.app[CONTROL_PLANE].store.objects(target.kind.resource, target.namespace)
    return [obj for obj in found if fits(obj)]


def wanted_version(request: web.Request) -> int | None:
    """The ``resourceVersion`` a list or watch asks for; None when any will do.

    :raises ApiError: 500 (as the real server), it is no number.
    """
    text = request.query.get("resourceVersion", "")
    if text in ("", "0"):
        return None
    if re.fullmatch(r"\d+", text):
        return int(text)
    message = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise ApiError(500, "", message)


def collection(request: web.Request, target: Target) -> web.Response:
    """The answer to a list request."""
    _check_version(request)
    version = str(request.app[CONTROL_PLANE].store.version)
    found, metadata = _page(request, selected(request, target), version)
    if wants_table(request):
        return answer({**table_of(request, target.kind, found, version), "metadata": metadata})
    kind = target.kind
    items = [kind.listed(obj) for obj in found]
    if kind.prune is not None:
        metadata = {"continue": "", **metadata}  # custom resources' lists always have one
    return answer(
        {
            "kind": kind.list_kind or f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": metadata,
            "items": items,
        }
    )


def _check_version(request: web.Request) -> None:
    """Lists show the newest state, which is as new as any version that there was, but not newer."""
    wanted, have = wanted_version(request), request.app[CONTROL_PLANE].store.version
    if wanted is not None and request.query.get("continue"):
        raise bad_request("specifying resource version is not allowed when using continue")
    if wanted is not None and wanted > have:
        why = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        message = f"Timeout: Too large resource version: {wanted}, current: {have}"
        raise ApiError(504, "Timeout", message, {"causes": [why], "retryAfterSeconds": 1})


def table_of(request: web.Request, kind: Kind, found: list[Object], version: str) -> Object:
    """Objects as the table the request asks for."""
    return table(kind, found, version, request.query.get("includeObject", "Metadata"))


def _page(request: web.Request, found: list[Object], version: str) -> tuple[list[Object], Object]:
    limit = number(request, "limit") or 0
    token = request.query.get("continue", "")
    if token:
        version, start = _read_token(token)
        found = [obj for obj in found if _position(obj) >= start]
    metadata: Object = {"resourceVersion": version}
    if not limit or len(found) <= limit:
        return found, metadata
    page = found[:limit]
    return page, {**metadata, "continue": _token(page[-1], version), "remainingItemCount": len(found) - limit}


def _position(obj: Object) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _token(last: Object, version: str) -> str:
    """A page's end as the real server writes it: everything that sorts after this name."""
    content = {"v": "meta.k8s.io/v1", "rv": int(version), "start": f"{_position(last)}\0"}
    return base64.urlsafe_b64encode(encode(content)).decode().rstrip("=")


def _read_token(token: str) -> tuple[str, str]:
    raw = b""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = json.loads(raw)
        return str(int(content["rv"])), str(content["start"])
    except (ValueError, KeyError, TypeError) as err:
        why = f"invalid character '\\x{raw[0]:02x}' looking for beginning of value" if raw else "illegal base64 data"
        raise bad_request(f"invalid continue token: continue key is not valid: {why}") from err
