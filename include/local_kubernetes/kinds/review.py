"""Questions about the user, which are answered and never stored."""

from __future__ import annotations

from local_kubernetes.resources import Kind


def _kind(name: str, group: str) -> Kind:
    plural = f"{name.lower()}s"
    return Kind(plural=plural, kind=name, singular=name.lower(), group=group, namespaced=False, verbs=("create",))


KINDS = (
    _kind("SelfSubjectReview", "authentication.k8s.io"),
    _kind("SelfSubjectAccessReview", "authorization.k8s.io"),
    _kind("SelfSubjectRulesReview", "authorization.k8s.io"),
    _kind("SubjectAccessReview", "authorization.k8s.io"),
    _kind("TokenReview", "authentication.k8s.io"),
)
