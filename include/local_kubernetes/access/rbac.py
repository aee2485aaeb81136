"""Roles and their bindings: whether a user may do something, and all that a user may do.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ and recorded answers (v1.36).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_kubernetes.store import Key, Store

from .attributes import Attributes
from .users import AUTHENTICATED, User

Object = dict[str, Any]
Rule = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
_EVERYTHING: list[Rule] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]
_HEALTH = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
              "/version", "/version/"]  # fmt: skip
# What every user may do: the roles system:basic-user, system:discovery and system:public-info-viewer.
_COMMON: list[Rule] = [
    {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
     "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
    {"verbs": ["get"], "nonResourceURLs": ["/.well-known", "/.well-known/*"]},
    {"verbs": ["get"], "nonResourceURLs": _DISCOVERY},
    {"verbs": ["get"], "nonResourceURLs": ["/.well-known/openid-configuration", "/.well-known/openid-configuration/",
                                           "/openid/v1/jwks", "/openid/v1/jwks/"]},
    {"verbs": ["get"], "nonResourceURLs": _HEALTH},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """A rule that a user has, and why."""

    rule: Rule
    reason: str


class Rbac:
    """Looks at the Roles in the store; those named here are always there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, wanted: Attributes) -> str | None:
        """Why a user may do something; None if it may not."""
        if user.is_master:
            return ""
        return next((grant.reason for grant in self.grants(user, wanted.namespace) if covers(grant.rule, wanted)), None)

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """Every rule that a user has in a namespace; in none: in all of them."""
        if user.is_master:
            yield from (Grant(rule, "") for rule in _EVERYTHING)
        if AUTHENTICATED in user.groups:
            yield from (Grant(rule, "") for rule in _COMMON)
        for binding in self._bindings("clusterrolebindings", None):
            yield from self._of_binding(binding, user, "ClusterRoleBinding", "")
        if namespace:
            for binding in self._bindings("rolebindings", namespace):
                yield from self._of_binding(binding, user, "RoleBinding", namespace)

    def rules_of(self, reference: Object, namespace: str) -> list[Rule]:
        """The rules of the Role that a binding refers to; none if it is missing."""
        kind, name = reference.get("kind"), reference.get("name") or ""
        if kind == "ClusterRole" and name == "cluster-admin":
            return _EVERYTHING
        place = "" if kind == "ClusterRole" else namespace
        plural = "clusterroles" if kind == "ClusterRole" else "roles"
        stored = self._store.get(Key(f"{plural}.{GROUP}", place, name))
        return list(stored.object.get("rules") or []) if stored else []

    def _bindings(self, plural: str, namespace: str | None) -> list[Object]:
        found = self._store.objects(f"{plural}.{GROUP}")
        return [each for each in found if namespace is None or each["metadata"].get("namespace") == namespace]

    def _of_binding(self, binding: Object, user: User, kind: str, namespace: str) -> Iterator[Grant]:
        subject = next((each for each in binding.get("subjects") or [] if _is(each, user, namespace)), None)
        if subject is None:
            return
        metadata, reference = binding["metadata"], binding["roleRef"]
        title = metadata["name"] + (f"/{metadata['namespace']}" if namespace else "")
        name = subject["name"]
        if subject["kind"] == "ServiceAccount":
            name = f"{name}/{subject.get('namespace') or namespace}"
        role = f'{reference["kind"]} "{reference["name"]}"'
        reason = f'RBAC: allowed by {kind} "{title}" of {role} to {subject["kind"]} "{name}"'
        for rule in self.rules_of(reference, namespace):
            yield Grant(rule, reason)


def _is(subject: Object, user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "ServiceAccount":
        return user.account == (subject.get("namespace") or namespace, name)
    return user.name == name if kind == "User" else kind == "Group" and name in user.groups


def covers(rule: Rule, wanted: Attributes) -> bool:
    """Whether a rule allows something."""
    if not _has(rule.get("verbs"), wanted.verb):
        return False
    if wanted.path:
        return any(_fits(pattern, wanted.path) for pattern in rule.get("nonResourceURLs") or [])
    if not _has(rule.get("apiGroups"), wanted.group) or not _has_resource(rule.get("resources"), wanted):
        return False
    names = rule.get("resourceNames") or []
    return not names or wanted.name in names


def _has(values: list[str] | None, wanted: str) -> bool:
    return "*" in (values or []) or wanted in (values or [])


def _has_resource(values: list[str] | None, wanted: Attributes) -> bool:
    found = values or []
    return _has(found, wanted.full_resource) or bool(wanted.subresource and f"*/{wanted.subresource}" in found)


def _fits(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))
