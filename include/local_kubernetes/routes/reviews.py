"""Who am I, what may I do: answered at once and never stored. Whoever knows the token may do everything."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .bodies import answer, read
from .target import Target

Object = dict[str, Any]
_USER = {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
_EVERYTHING = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}
_STATUS: dict[str, Object] = {
    "SelfSubjectReview": {"userInfo": _USER},
    "SelfSubjectAccessReview": {"allowed": True, "reason": "the only user of this local server may do everything"},
    "SelfSubjectRulesReview": _EVERYTHING,
}


async def review(request: web.Request, target: Target) -> web.StreamResponse:
    """The answer to one review."""
    kind = target.kind
    body = await read(request, kind.kind)
    spec = body.get("spec") if isinstance(body, dict) else None
    review: Object = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}}
    if spec is not None:
        review["spec"] = spec
    return answer({**review, "status": _STATUS[kind.kind]}, 201)
