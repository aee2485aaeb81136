"""Reading what clients send and answering in what they ask for."""

from __future__ import annotations

import json
from typing import Any

import yaml
from aiohttp import web

from baton_local.kubernetes.errors import bad_request, unsupported_media_type
from baton_local.kubernetes.resources import Kind
from baton_local.kubernetes.store import encode

Object = dict[str, Any]
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


def flag(request: web.Request, name: str) -> bool:
    """A boolean of the query; the Python client writes ``True``."""
    return request.query.get(name, "").lower() in ("true", "1")


def number(request: web.Request, name: str) -> int | None:
    """A whole number of the query, or None.

    :raises ApiError: 400, it is no number.
    """
    text = request.query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError as err:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from err


def wants_table(request: web.Request) -> bool:
    """Whether the client prefers a Table, as kubectl get does."""
    return "as=Table" in request.headers.get("Accept", "")


def respond(raw: bytes, status: int = 200) -> web.Response:
    """A JSON answer from bytes that are ready."""
    return web.Response(body=raw, status=status, content_type="application/json")


def answer(body: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return respond(encode(body), status)


async def read_object(request: web.Request, kind: Kind) -> Object:
    """The object in a request's body, its kind and version checked.

    :raises ApiError: 400 or 415.
    """
    body = await read(request, kind.kind)
    if not isinstance(body, dict):
        what = "array" if isinstance(body, list) else type(body).__name__
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind; json "
            f"parse error: json: cannot unmarshal {what} into Go value"
        )
    sent = body.get("kind") or kind.kind
    version = body.get("apiVersion") or kind.api_version
    if (sent, version) != (kind.kind, kind.api_version):
        raise bad_request(
            f'{sent} in version "{version}" cannot be handled as a {kind.kind}: converting ({version}.{sent}) to '
            f"(core.{kind.kind}): unknown conversion"
        )
    if not isinstance(body.get("metadata") or {}, dict) or not isinstance(body.get("spec") or {}, dict):
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: metadata and spec are objects'
        )
    return {"kind": kind.kind, "apiVersion": kind.api_version, **body, "metadata": dict(body.get("metadata") or {})}


async def read(request: web.Request, kind: str) -> Any:
    """A request's body, JSON or YAML.

    :raises ApiError: 400 or 415.
    """
    content_type = request.content_type
    raw = await request.read()
    try:
        if content_type in ("application/json", "application/octet-stream") or content_type.endswith("+json"):
            return json.loads(raw)
        if content_type in ("application/yaml", "application/apply-patch+yaml"):
            return yaml.safe_load(raw)
    except (ValueError, yaml.YAMLError) as err:
        shown = raw[:100].decode(errors="replace")
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse "
            f"error: {err} ({shown})"
        ) from err
    if content_type == "application/vnd.kubernetes.protobuf":
        raise unsupported_media_type(
            "this local server does not read protobuf; send JSON (kubectl: add --dry-run=client -o yaml | kubectl "
            "apply -f -)"
        )
    raise unsupported_media_type(
        f"the body of the request was in an unknown format - accepted media types include: {_ACCEPTED}"
    )
