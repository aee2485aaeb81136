"""What a request wants to do to what, read from its method and path alone, as RBAC looks at it.

Source: https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local_kubernetes.errors import ApiError, forbidden, qualified
from local_kubernetes.query import flag

from .users import User

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ONE = "metadata.name="


@dataclass(frozen=True, slots=True)
class Attributes:
    """One wish. ``path`` is empty for objects; ``namespace`` is empty for all namespaces and for what has none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """As rules name it: ``pods``, ``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def of(request: web.Request) -> Attributes:
    """The attributes of a request."""
    root, *parts = request.path.strip("/").split("/")
    if root == "api" and len(parts) >= 2:
        group, rest = "", parts[1:]
    elif root == "apis" and len(parts) >= 3:
        group, rest = parts[0], parts[2:]
    else:
        return Attributes(_VERBS.get(request.method, "get"), path=request.path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("finalize", "status"):
            rest = rest[2:]
    resource, name, subresource = [*rest, "", ""][:3]
    verb, name = _verb_and_name(request, name)
    return Attributes(verb, group, resource, subresource, namespace, name)


def _verb_and_name(request: web.Request, name: str) -> tuple[str, str]:
    if request.method in ("GET", "HEAD"):
        if name:
            return "get", name
        selector = request.query.get("fieldSelector", "")
        one = selector.removeprefix(_ONE) if selector.startswith(_ONE) and "," not in selector else ""
        return ("watch" if flag(request, "watch") else "list"), one
    if request.method == "DELETE" and not name:
        return "deletecollection", ""
    return _VERBS.get(request.method, "get"), name


def refusal(user: User, wanted: Attributes) -> ApiError:
    """403 in the words of a real server."""
    if wanted.path:
        return forbidden(f'forbidden: User "{user.name}" cannot {wanted.verb} path "{wanted.path}"', {})
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    what = qualified(wanted.resource, wanted.group) + (f' "{wanted.name}"' if wanted.name else "")
    details: dict[str, Any] = {"name": wanted.name} if wanted.name else {}
    if wanted.group:
        details["group"] = wanted.group
    details["kind"] = wanted.resource
    return forbidden(
        f'{what} is forbidden: User "{user.name}" cannot {wanted.verb} resource "{wanted.full_resource}" '
        f'in API group "{wanted.group}" {where}',
        details,
    )
