"""What a request's body holds: compressed or not, JSON, a form with JSON in it, or a CloudEvent around it.

A CloudEvent's envelope is taken off for every sender but `cloudevents`, which reads the envelope itself.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from baton.alerts.payloads import BodyError

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""zlib's word for each coding: `deflate` is zlib's form."""
_REQUIRED = ("specversion", "id", "source", "type")


class EncodingError(BodyError):
    """The body is compressed in a way that is not read."""


def unpacked(body: bytes | bytearray, headers: Mapping[str, str], max_bytes: int) -> bytes | bytearray:
    """The body without its `Content-Encoding`. Nothing beyond the limit is unpacked.

    :raises EncodingError: another coding than gzip and deflate.
    :raises BodyError: it is not what its header says, or larger than the limit.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in _WINDOWS:
        raise EncodingError(f"Content-Encoding {coding[:40]!r} is not read: send gzip, deflate or plain JSON")
    machine = zlib.decompressobj(_WINDOWS[coding])
    try:
        found = machine.decompress(bytes(body), max_bytes + 1)
    except zlib.error as err:
        raise BodyError(f"the body is no {coding}, as its Content-Encoding says") from err
    if len(found) > max_bytes:
        raise BodyError(f"the body has more than {max_bytes} bytes when it is unpacked")
    if not machine.eof:
        raise BodyError(f"the body's {coding} is cut off")
    return found


def read_document(body: bytes | bytearray, headers: Mapping[str, str]) -> Any:
    """The value of a body.

    :raises BodyError: it is no JSON.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _FORM and not body.lstrip().startswith((b"{", b"[")):
        return _form(body)
    return _json(body)


def _json(body: bytes | bytearray | str) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as err:
        raise BodyError(f"the body is no JSON: {str(err)[:200]}") from err


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _form(body: bytes | bytearray) -> Any:
    """A form's fields; of one with a field `payload`, as GitHub and Slack send it, the JSON in that field."""
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as err:
        raise BodyError("the body is no form of UTF-8 with at most 100 fields") from err
    return _json(fields["payload"]) if "payload" in fields else fields


def is_event(document: object) -> bool:
    """Whether a value is a CloudEvent in the structured mode."""
    return isinstance(document, dict) and all(isinstance(document.get(name), str) for name in _REQUIRED)


def without_envelope(document: Any) -> Any:
    """The data of a CloudEvent in the structured mode; anything else as it is."""
    return _data(document) if is_event(document) else document


def as_events(document: Any, headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The CloudEvents of a request in any of the three modes; `data` of each is a value.

    :raises BodyError: there are none.
    """
    if "ce-specversion" in headers:
        attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        document = {**attributes, "data": document}
    events = document if isinstance(document, list) else [document]
    if not events or not all(map(is_event, events)):
        raise BodyError(
            f"the body must be a CloudEvent with {', '.join(_REQUIRED)}, or the headers ce-… must name them"
        )
    return [{**event, "data": _data(event)} for event in events]


def _data(event: dict[str, Any]) -> Any:
    """The data of an event; those in base64 are read if they are JSON, else they are a text."""
    if "data_base64" not in event:
        return event.get("data")
    try:
        found = base64.b64decode(event["data_base64"], validate=True)
        return json.loads(found)
    except (ValueError, TypeError, RecursionError) as err:
        raise BodyError("the event's data_base64 holds no JSON") from err
