"""What the API answers when it refuses: ``Status`` objects, worded as kube-apiserver words them.

Source: https://github.com/kubernetes/apimachinery/blob/master/pkg/api/errors/errors.go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong: where, in which way, and a sentence."""

    field: str
    reason: str
    message: str


class ApiError(Exception):
    """An answer other than success; ``status()`` is the body the client gets."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """The ``Status`` object for the response's body."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body["message"] = self.message
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class PlainError(ApiError):
    """A refusal that a kubelet gives as a plain text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, "", message)


def _details(name: str, group: str, kind: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    details["kind"] = kind
    return details


def qualified(plural: str, group: str) -> str:
    """A resource as messages name it: ``pods``, ``jobs.batch``."""
    return f"{plural}.{group}" if group else plural


def bad_request(message: str) -> ApiError:
    """400: the request makes no sense, whatever the state."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401: no token or a wrong one."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(message: str, details: dict[str, Any] | None = None) -> ApiError:
    """403: understood and refused."""
    return ApiError(403, "Forbidden", message, details)


def terminating(plural: str, name: str, namespace: str, group: str = "") -> ApiError:
    """403: nothing new may be made in a namespace that goes."""
    message = (
        f'{qualified(plural, group)} "{name}" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated"
    )
    why = f"namespace {namespace} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": why, "field": "metadata.namespace"}
    return forbidden(message, {**_details(name, group, plural), "causes": [cause]})


def not_found(plural: str, name: str, group: str = "") -> ApiError:
    """404: no object of that name."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(name, group, plural))


def unknown_resource(hint: str = "") -> ApiError:
    """404: no such resource; ``hint`` says what this server leaves out."""
    message = "the server could not find the requested resource" + (f" ({hint})" if hint else "")
    return ApiError(404, "NotFound", message, {})


def method_not_allowed(hint: str = "") -> ApiError:
    """405: the resource exists, the verb does not."""
    message = "the server does not allow this method on the requested resource" + (f" ({hint})" if hint else "")
    return ApiError(405, "MethodNotAllowed", message, {})


def already_exists(plural: str, name: str, group: str = "") -> ApiError:
    """409: an object of that name is there."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(name, group, plural))


def conflict(plural: str, name: str, why: str = "", group: str = "") -> ApiError:
    """409: the object changed since the client read it, or a precondition does not hold."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(name, group, plural))


def expired(message: str) -> ApiError:
    """410: the resourceVersion is older than what is remembered; list again."""
    return ApiError(410, "Expired", message)


def unsupported_media_type(message: str) -> ApiError:
    """415: the body's type is not read here."""
    return ApiError(415, "UnsupportedMediaType", message)


def invalid(kind: str, name: str, causes: Sequence[Cause], group: str = "") -> ApiError:
    """422: fields are wrong; each one is named."""
    parts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    details = _details(name, group, kind)
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {text}', details)


def not_implemented(message: str) -> ApiError:
    """501: a real cluster does this, this server does not; ``message`` says what to do instead."""
    return ApiError(501, "NotImplemented", message)
