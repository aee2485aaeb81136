"""Roles and their bindings."""

from __future__ import annotations

from typing import Any

from local_kubernetes.access.rbac import GROUP
from local_kubernetes.errors import Cause
from local_kubernetes.resources import Column, Kind

from .columns import age

Object = dict[str, Any]
_NAME = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
_AGE = Column("Age", age)
_ROLE = Column("Role", lambda obj: f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}")
_SUBJECTS = ("User", "Group", "ServiceAccount")


def _complete_binding(obj: Object) -> Object:
    reference = {"apiGroup": GROUP, **(obj.get("roleRef") or {})}
    subjects = [_complete_subject(each) for each in obj.get("subjects") or []]
    return {**obj, "roleRef": reference, **({"subjects": subjects} if subjects else {})}


def _complete_subject(subject: Object) -> Object:
    if subject.get("kind") in ("User", "Group"):
        return {**subject, "apiGroup": subject.get("apiGroup") or GROUP}
    return subject


def _check_role(obj: Object) -> list[Cause]:
    causes = []
    for position, rule in enumerate(obj.get("rules") or []):
        field = f"rules[{position}]"
        if not rule.get("verbs"):
            message = "Required value: verbs must contain at least one value"
            causes.append(Cause(f"{field}.verbs", "FieldValueRequired", message))
        if rule.get("nonResourceURLs"):
            continue
        for part, what in (("apiGroups", "api group"), ("resources", "resource")):
            if not rule.get(part):
                message = f"Required value: resource rules must supply at least one {what}"
                causes.append(Cause(f"{field}.{part}", "FieldValueRequired", message))
    return causes


def _check_binding(obj: Object) -> list[Cause]:
    reference, kinds = obj["roleRef"], ("Role", "ClusterRole") if _in_namespace(obj) else ("ClusterRole",)
    causes = []
    if reference.get("kind") not in kinds:
        supported = ", ".join(f'"{kind}"' for kind in sorted(kinds))
        message = f'Unsupported value: "{reference.get("kind", "")}": supported values: {supported}'
        causes.append(Cause("roleRef.kind", "FieldValueNotSupported", message))
    if not reference.get("name"):
        causes.append(Cause("roleRef.name", "FieldValueRequired", "Required value"))
    for position, subject in enumerate(obj.get("subjects") or []):
        causes += _check_subject(subject, f"subjects[{position}]", in_namespace=_in_namespace(obj))
    return causes


def _in_namespace(obj: Object) -> bool:
    return bool(obj["kind"] == "RoleBinding")


def _check_subject(subject: Object, field: str, *, in_namespace: bool) -> list[Cause]:
    causes = []
    if subject.get("kind") not in _SUBJECTS:
        supported = ", ".join(f'"{kind}"' for kind in sorted(_SUBJECTS))
        message = f'Unsupported value: "{subject.get("kind", "")}": supported values: {supported}'
        causes.append(Cause(f"{field}.kind", "FieldValueNotSupported", message))
    if not subject.get("name"):
        causes.append(Cause(f"{field}.name", "FieldValueRequired", "Required value"))
    if subject.get("kind") == "ServiceAccount" and not in_namespace and not subject.get("namespace"):
        causes.append(Cause(f"{field}.namespace", "FieldValueRequired", "Required value"))
    return causes


def _check_binding_update(before: Object, after: Object) -> list[Cause]:
    if before["roleRef"] == after["roleRef"]:
        return []
    return [Cause("roleRef", "FieldValueInvalid", "Invalid value: cannot change roleRef")]


def _role(kind: str, *, namespaced: bool) -> Kind:
    return Kind(
        plural=f"{kind.lower()}s",
        kind=kind,
        singular=kind.lower(),
        group=GROUP,
        namespaced=namespaced,
        columns=(_NAME, Column("Created At", lambda obj: obj["metadata"]["creationTimestamp"])),
        check=_check_role,
    )


def _binding(kind: str, *, namespaced: bool) -> Kind:
    return Kind(
        plural=f"{kind.lower()}s",
        kind=kind,
        singular=kind.lower(),
        group=GROUP,
        namespaced=namespaced,
        columns=(_NAME, _ROLE, _AGE),
        complete=_complete_binding,
        check=_check_binding,
        check_update=_check_binding_update,
    )


KINDS = (
    _role("Role", namespaced=True),
    _role("ClusterRole", namespaced=False),
    _binding("RoleBinding", namespaced=True),
    _binding("ClusterRoleBinding", namespaced=False),
)
