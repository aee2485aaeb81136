"""Bodies checked against the table: unknown fields found and dropped, wrong types refused in Go's words.

What comes out is what a real server would write back after decoding: no nulls, no empty values where Go omits them,
and messages that Go embeds by value present as ``{}``.

Source: https://github.com/kubernetes-sigs/json (error texts), encoding/json (what ``omitempty`` omits).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kubernetes_values import Field, Message, canonical, message, parse_time

Object = dict[str, Any]
_QUANTITY_HELP = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_ZEROS: dict[str, Any] = {"string": "", "bool": False, "int32": 0, "int64": 0, "Time": None, "MicroTime": None}
_RANGES = {"int32": 2**31, "int64": 2**63, "uint32": 2**32}


class DecodeError(ValueError):
    """A value has the wrong type; the text is Go's."""


@dataclass(slots=True)
class Decoder:
    """Decodes one body and notes the fields nobody knows."""

    unknown: list[str] = field(default_factory=list)

    def decode(self, name: str, body: Object) -> Object:
        """A body as the message ``name``.

        :raises DecodeError: a value has the wrong type.
        """
        return self._message(message(name), body, "", ())

    def _message(self, kind: Message, body: Object, path: str, fields: tuple[str, ...]) -> Object:
        result: Object = {}
        for name, value in body.items():
            one = kind.fields.get(name)
            if one is None:
                self.unknown.append(f"{path}{name}")
                continue
            if value is None:
                continue
            place = _Place(f"{path}{name}", (*fields, name), kind.structs[name])
            decoded = self._shaped(one, one.shape, value, place)
            if one.pointer or one.base in ("Time", "MicroTime") or "always" in one.flags or not _is_zero(decoded, one):
                result[name] = decoded
        return result | {name: value for name, value in _zeros(kind).items() if name not in result}

    def _shaped(self, one: Field, shape: str, value: Any, place: _Place) -> Any:
        if shape.startswith("[]"):
            if not isinstance(value, list):
                raise place.wrong(value, one.go_type)
            items = (self._shaped(one, shape[2:], item, place.at(position)) for position, item in enumerate(value))
            return list(items)
        if shape.startswith("{}"):
            if not isinstance(value, dict):
                raise place.wrong(value, one.go_type)
            return {key: self._shaped(one, shape[2:], inner, place) for key, inner in value.items()}
        if not one.is_message:
            return scalar(one, value, place)
        if value is None:
            return empty(one.base)
        if not isinstance(value, dict):
            raise place.wrong(value, f"v1.{one.base.rpartition('.')[2]}")
        return self._message(message(one.base), value, f"{place.path}.", place.fields)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: for unknown fields (``path``) and for Go's messages (``fields`` below ``struct``)."""

    path: str
    fields: tuple[str, ...]
    struct: str

    def at(self, position: int) -> _Place:
        return _Place(f"{self.path}[{position}]", self.fields, self.struct)

    def wrong(self, value: Any, go_type: str) -> DecodeError:
        where = f"{self.struct}.{'.'.join(self.fields)}"
        return DecodeError(f"json: cannot unmarshal {described(value)} into Go struct field {where} of type {go_type}")


def described(value: Any) -> str:
    """A JSON value's type in Go's words."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    words: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return words.get(type(value), "null")


def empty(name: str) -> Object:
    """A message nobody has set: what Go writes all the same."""
    return _zeros(message(name))


def _zeros(kind: Message) -> Object:
    """The fields that Go never omits, unset."""
    return {one.name: empty(one.base) if one.is_message else _ZEROS[one.base] for one in _never_omitted(kind.name)}


@cache
def _never_omitted(name: str) -> tuple[Field, ...]:
    """Embedded messages, times, and what has no ``omitempty``."""
    candidates = [
        one
        for one in message(name).fields.values()
        if not one.pointer and not one.shape and "omitzero" not in one.flags
    ]
    return tuple(
        one
        for one in candidates
        if one.is_message or one.base in ("Time", "MicroTime") or ("always" in one.flags and one.base in _ZEROS)
    )


def _is_embedded(one: Field) -> bool:
    return one.is_message and not one.pointer and not one.shape


def _is_zero(value: Any, one: Field) -> bool:
    return not _is_embedded(one) and value in ("", 0, False, [], {})


def scalar(one: Field, value: Any, place: _Place) -> Any:
    """One value that is no message, checked and as it is written back."""
    go_type = one.go or one.go_type.rpartition("]")[2]
    if one.base == "string":
        if value is None:
            return ""
        if not isinstance(value, str):
            raise place.wrong(value, go_type)
    elif one.base == "bool":
        if not isinstance(value, bool):
            raise place.wrong(value, go_type)
    elif one.base in _RANGES:
        return _whole(value, _RANGES[one.base], place, go_type)
    elif one.base == "float64":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise place.wrong(value, go_type)
    else:
        return _special(one.base, value, place)
    return value


def _whole(value: Any, limit: int, place: _Place, go_type: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.wrong(value, go_type)
    if isinstance(value, float) or not -limit <= value < limit:
        where = f"{place.struct}.{'.'.join(place.fields)}"
        raise DecodeError(f"json: cannot unmarshal number {value} into Go struct field {where} of type {go_type}")
    return value


def _special(base: str, value: Any, place: _Place) -> Any:
    if base == "bytes":
        if not isinstance(value, str):
            raise place.wrong(value, "[]uint8")
        return _base64(value)
    if base == "Quantity":
        shown = None if isinstance(value, bool) or not isinstance(value, str | int | float) else canonical(str(value))
        if shown is None:
            raise DecodeError(_QUANTITY_HELP)
        return shown
    if base == "IntOrString":
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise DecodeError(f"json: cannot unmarshal {described(value)} into Go value of type int32")
    elif base in ("Time", "MicroTime"):
        return _time(value, base)
    elif base == "RawExtension" and not isinstance(value, dict):
        raise place.wrong(value, "runtime.RawExtension")
    return value


def _base64(value: str) -> str:
    try:
        base64.b64decode(value.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as err:
        alphabet = re.compile(r"[A-Za-z0-9+/\n]*")
        at = len(alphabet.match(value)[0])  # type: ignore[index]  # it always matches, if only nothing
        raise DecodeError(f"illegal base64 data at input byte {at}") from err
    return value.replace("\n", "")


def _time(value: Any, base: str) -> str:
    if not isinstance(value, str):
        raise DecodeError(f"json: cannot unmarshal {described(value)} into Go value of type string")
    moment = parse_time(value)
    if moment is None:
        layout = "2006-01-02T15:04:05Z07:00" if base == "Time" else "2006-01-02T15:04:05.000000Z07:00"
        raise DecodeError(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"')
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if base == "Time" else "%Y-%m-%dT%H:%M:%S.%fZ")
