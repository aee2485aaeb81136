"""Reading what clients send and answering in what they ask for."""

from __future__ import annotations

import json
from typing import Any

import yaml
from aiohttp import web

from local_kubernetes import protobuf
from local_kubernetes.depth import TOO_DEEP, is_too_deep
from local_kubernetes.errors import Cause, bad_request, invalid, unsupported_media_type
from local_kubernetes.resources import Kind
from local_kubernetes.schema.decoding import described
from local_kubernetes.store import encode
from plain_yaml import load

from .decoding import FieldValidation

Object = dict[str, Any]
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


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


def dry_run(request: web.Request, options: Object | None = None) -> bool:
    """Whether nothing shall be kept, as the query or the DeleteOptions in the body say.

    :raises ApiError: 422, another value than ``All``.
    """
    values = request.query.getall("dryRun", None) or (options or {}).get("dryRun") or []
    if any(value != "All" for value in values):
        verb = {"POST": "Create", "PATCH": "Patch", "PUT": "Update"}.get(request.method, "Delete")
        message = f'Unsupported value: {json.dumps(values)}: supported values: "All"'
        raise invalid(f"{verb}Options", "", [Cause("dryRun", "FieldValueNotSupported", message)], "meta.k8s.io")
    return bool(values)


def wants_table(request: web.Request) -> bool:
    """Whether the client prefers a Table, as kubectl get does."""
    return "as=Table" in request.headers.get("Accept", "")


def respond(raw: bytes, status: int = 200) -> web.Response:
    """A JSON answer from bytes that are ready."""
    return web.Response(body=raw, status=status, content_type="application/json")


def answer(body: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return respond(encode(body), status)


async def read_object(request: web.Request, kind: Kind, validation: FieldValidation) -> tuple[Object, Object]:
    """The object in a request's body, its kind and version checked: as it was sent, and as a real server decodes it.

    :raises ApiError: 400 or 415.
    """
    body = await read(request, kind.kind)
    if not isinstance(body, dict):
        raise bad_request(
            f"{_unrecognized(kind.kind)} json: cannot unmarshal {described(body)} into Go value of type struct "
            '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } '
            f"({_summary(await request.read())})"
        )
    sent = body.get("kind") or kind.kind
    version = body.get("apiVersion") or kind.api_version
    if (sent, version) != (kind.kind, kind.api_version):
        raise bad_request(
            f'{sent} in version "{version}" cannot be handled as a {kind.kind}: converting ({version}.{sent}) to '
            f"({kind.group or 'core'}.{kind.kind}): unknown conversion"
        )
    decoded = validation.decode(kind, body)
    metadata = {name: value for name, value in (decoded.get("metadata") or {}).items() if name != "managedFields"}
    return body, {"kind": kind.kind, "apiVersion": kind.api_version, **decoded, "metadata": metadata}


async def read(request: web.Request, kind: str) -> Any:
    """A request's body: JSON, YAML or protobuf.

    :raises ApiError: 400 or 415.
    """
    raw = await request.read()
    body = _parsed(raw, request.content_type, kind)
    if is_too_deep(body):
        raise bad_request(f"{_unrecognized(kind)} {TOO_DEEP} ({_summary(raw)})")
    return body


def _parsed(raw: bytes, content_type: str, kind: str) -> Any:
    try:
        if content_type in ("application/json", "application/octet-stream") or content_type.endswith("+json"):
            return json.loads(raw)
        if content_type in ("application/yaml", "application/apply-patch+yaml"):
            return load(raw, _YamlLoader)
    except json.JSONDecodeError as err:
        raise bad_request(f"{_unrecognized(kind)} {_go_json_error(err)} ({_summary(raw)})") from err
    except (ValueError, RecursionError) as err:
        raise bad_request(f"{_unrecognized(kind)} {err} ({_summary(raw)})") from err
    if content_type == protobuf.CONTENT_TYPE:
        return protobuf.decode(raw)
    raise unsupported_media_type(
        f"the body of the request was in an unknown format - accepted media types include: {_ACCEPTED}"
    )


class _YamlLoader(yaml.SafeLoader):
    """YAML without times: Kubernetes' are texts."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _unrecognized(kind: str) -> str:
    return f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error:"


def _summary(raw: bytes) -> str:
    """The beginning of a body as messages show it: JSON as text, anything else in hexadecimal digits."""
    if not raw:
        return "<empty>"
    shown, more = raw[:30], " ..." if len(raw) > 30 else ""
    return (shown.decode(errors="replace") if raw.startswith(b"{") else shown.hex()) + more


def _go_json_error(err: json.JSONDecodeError) -> str:
    """Python's complaint about JSON in Go's words."""
    if err.pos >= len(err.doc):
        return "unexpected end of JSON input"
    words = {
        "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
        "Expecting value": "looking for beginning of value",
        "Expecting ':' delimiter": "after object key",
        "Expecting ',' delimiter": "after object key:value pair",
        "Extra data": "after top-level value",
    }
    return f"invalid character '{err.doc[err.pos]}' {words.get(err.msg, 'in string literal')}"
