"""Who am I, what may I or somebody else do, whose token is this: answered at once and never stored."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local_kubernetes import clock
from local_kubernetes.access.attributes import Attributes
from local_kubernetes.access.tokens import AUDIENCE
from local_kubernetes.access.use import Access
from local_kubernetes.access.users import User, user_of
from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import ApiError, bad_request

from .bodies import answer, read_object
from .decoding import FieldValidation
from .target import Target

Object = dict[str, Any]
_BOTH_OR_NONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


async def review(request: web.Request, target: Target) -> web.StreamResponse:
    """The answer to one review."""
    kind, access, user = target.kind, request.app[CONTROL_PLANE].access, user_of(request)
    validation = FieldValidation.of(request)
    _, body = await read_object(request, kind, validation)
    spec = body.get("spec") or {}
    told: Object = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, "spec": spec}
    if kind.kind == "SelfSubjectReview":
        del told["spec"]
        told |= {"metadata": {"creationTimestamp": clock.now()}, "status": {"userInfo": user.info()}}
    elif kind.kind == "TokenReview":
        told["status"] = _token(access, spec)
    elif kind.kind == "SelfSubjectRulesReview":
        told |= {"spec": {}, "status": _rules(access, user, spec)}
    else:
        if kind.kind == "SubjectAccessReview":
            user = User(spec.get("user") or "", tuple(spec.get("groups") or ()))
        told["status"] = _allowed(access, user, spec)
    return validation.with_warnings(answer(told, 201))


def _allowed(access: Access, user: User, spec: Object) -> Object:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        message = f"Invalid value: null: {_BOTH_OR_NONE}"
        cause = {"reason": "FieldValueInvalid", "message": message, "field": "spec.resourceAttributes"}
        details = {"group": "authorization.k8s.io", "causes": [cause]}
        text = f'.authorization.k8s.io "" is invalid: spec.resourceAttributes: {message}'
        raise ApiError(422, "Invalid", text, details)
    if path is not None:
        wanted = Attributes(path.get("verb", ""), path=path.get("path", ""))
    else:
        fields = ("verb", "group", "resource", "subresource", "namespace", "name")
        wanted = Attributes(*((resource or {}).get(name) or "" for name in fields))
    reason = access.rbac.allows(user, wanted)
    return {"allowed": reason is not None, **({"reason": reason} if reason else {})}


def _rules(access: Access, user: User, spec: Object) -> Object:
    namespace = spec.get("namespace")
    if not namespace:
        raise bad_request("no namespace on request")
    rules = [grant.rule for grant in access.rbac.grants(user, namespace)]
    return {
        "resourceRules": [_shown(rule) for rule in rules if not rule.get("nonResourceURLs")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def _shown(rule: Object) -> Object:
    order = ("verbs", "apiGroups", "resources", "resourceNames")
    return {name: rule[name] for name in order if rule.get(name)}


def _token(access: Access, spec: Object) -> Object:
    audiences = spec.get("audiences") or [AUDIENCE]
    token = spec.get("token") or ""
    found = next(((each, user) for each in audiences if (user := access.tokens.user(token, each))), None)
    if found is None:
        return {"user": {}, "error": "invalid bearer token"}
    audience, user = found
    return {"authenticated": True, "user": user.info(), "audiences": [audience]}
