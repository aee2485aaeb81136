"""What a body may hold: ``fieldValidation`` (Strict, Warn, Ignore) and types, for bodies and for patches' results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kubernetes_values import message, message_name
from local_kubernetes.depth import TOO_DEEP, is_too_deep
from local_kubernetes.errors import ApiError, Cause, bad_request, invalid
from local_kubernetes.resources import Kind
from local_kubernetes.schema.decoding import DecodeError, Decoder, empty

Object = dict[str, Any]
_MODES = ("Ignore", "Strict", "Warn")


@dataclass(slots=True)
class FieldValidation:
    """How one request wants unknown fields to be treated, and what it shall be warned of."""

    mode: str = "Warn"
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, request: web.Request) -> FieldValidation:
        """As the request's query says; Warn when it says nothing.

        :raises ApiError: 422, no such mode.
        """
        mode = request.query.get("fieldValidation") or "Warn"
        if mode not in _MODES:
            supported = ", ".join(f'"{known}"' for known in ("", *_MODES))
            message = f'Unsupported value: "{mode}": supported values: {supported}'
            cause = Cause("fieldValidation", "FieldValueNotSupported", message)
            verb = {"POST": "CreateOptions", "PATCH": "PatchOptions"}.get(request.method, "UpdateOptions")
            raise invalid(verb, "", [cause], "meta.k8s.io")
        return cls(mode)

    def decode(self, kind: Kind, body: Object) -> Object:
        """A body as a real server would decode it.

        :raises ApiError: 400, a wrong type; or, Strict, an unknown field.
        """
        try:
            decoded, unknown = _decode(kind, body)
            self._judge(unknown)
        except DecodeError as err:
            raise bad_request(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {err}'
            ) from err
        return decoded

    def decode_patched(self, kind: Kind, body: Object, patch: Any) -> Object:
        """The result of a patch as a real server would decode it.

        :raises ApiError: 422 on the field ``patch``: a wrong type; or, Strict, an unknown field.
        """
        try:
            decoded, unknown = _decode(kind, body)
            self._judge(unknown)
        except DecodeError as err:
            raise _bad_patch(patch, err) from err
        return decoded

    def _judge(self, unknown: list[str]) -> None:
        texts = [f'unknown field "{path}"' for path in unknown]
        if texts and self.mode == "Strict":
            raise DecodeError(f"strict decoding error: {', '.join(texts)}")
        if self.mode == "Warn":
            self.warnings += texts

    def with_warnings(self, response: web.Response) -> web.Response:
        """The answer with the warnings in its headers."""
        for text in self.warnings:
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            response.headers.add("Warning", f'299 - "{escaped}"')
        return response


def _bad_patch(patch: Any, err: DecodeError) -> ApiError:
    cause = Cause("patch", "FieldValueInvalid", f'Invalid value: "{patch}": {err}')
    error = invalid("", "", [cause])
    return ApiError(422, "Invalid", error.message, {"causes": (error.details or {})["causes"]})


def _decode(kind: Kind, body: Object) -> tuple[Object, list[str]]:
    if is_too_deep(body):  # the result of many patches may be
        raise DecodeError(TOO_DEEP)
    decoder = Decoder()
    name = message_name(kind.group, kind.kind)
    if name is not None:
        return decoder.decode(name, body), decoder.unknown
    metadata = decoder.decode("meta.PartialObjectMetadata", {"metadata": body.get("metadata")})["metadata"]
    if kind.prune is None:
        return {**body, "metadata": metadata}, decoder.unknown
    pruned, unknown = kind.prune({**body, "metadata": metadata})
    return pruned, [*decoder.unknown, *unknown]


def without_status(kind: Kind, body: Object) -> Object:
    """A new object as its creator may describe it: its state is told by who acts on it (a node tells its own)."""
    name = message_name(kind.group, kind.kind)
    if name is None or "status" not in kind.subresources or kind.kind == "Node":
        return body
    status = message(name).fields["status"]
    return {**body, "status": empty(status.base)}
