"""CustomResourceDefinitions: the kinds that clients bring along.

Source: https://github.com/kubernetes/apiextensions-apiserver (validation of definitions, their defaults).
"""

from __future__ import annotations

import re
from typing import Any

from local_kubernetes.errors import Cause, not_implemented
from local_kubernetes.names import check_label, check_subdomain
from local_kubernetes.resources import Column, Kind

Object = dict[str, Any]
_KIND_NAME = re.compile(r"[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?")
_SCOPES = ("Cluster", "Namespaced")


def _complete(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    names = {**(spec.get("names") or {})}
    names.setdefault("singular", str(names.get("kind") or "").lower())
    names.setdefault("listKind", f"{names.get('kind') or ''}List")
    spec = {"conversion": {"strategy": "None"}, **spec, "names": names}
    stored = [version.get("name") for version in spec.get("versions") or [] if version.get("storage")]
    status = obj.get("status") or {}
    if not status.get("storedVersions"):
        status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}
    return {**obj, "spec": spec, "status": status}


def _required(field: str) -> Cause:
    return Cause(field, "FieldValueRequired", "Required value")


def _check(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    if (spec.get("conversion") or {}).get("strategy") != "None":
        raise not_implemented("conversion webhooks are not called by this local server; use strategy: None")
    causes = [*_check_names(obj), *_check_versions(spec.get("versions") or [])]
    if spec.get("scope") not in _SCOPES:
        supported = ", ".join(f'"{scope}"' for scope in _SCOPES)
        message = f'Unsupported value: "{spec.get("scope") or ""}": supported values: {supported}'
        causes.append(Cause("spec.scope", "FieldValueNotSupported", message))
    return causes


def _check_names(obj: Object) -> list[Cause]:
    spec, name = obj["spec"], obj["metadata"]["name"]
    names, group = spec["names"], spec.get("group") or ""
    causes = []
    expected = f"{names.get('plural') or ''}.{group}"
    if name != expected:
        message = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        causes.append(Cause("metadata.name", "FieldValueInvalid", message))
    if not group:
        causes.append(_required("spec.group"))
    elif "." not in group:
        message = f'Invalid value: "{group}": should be a domain with at least one dot'
        causes.append(Cause("spec.group", "FieldValueInvalid", message))
    else:
        causes += check_subdomain(group, "spec.group")
    for field in ("plural", "singular"):
        value = names.get(field) or ""
        causes += check_label(value, f"spec.names.{field}") if value else [_required(f"spec.names.{field}")]
    for field in ("kind", "listKind"):
        value = names.get(field) or ""
        if not value:
            causes.append(_required(f"spec.names.{field}"))
        elif not _KIND_NAME.fullmatch(value):
            message = f'Invalid value: "{value}": may have mixed case, but should otherwise be a DNS-1035 label'
            causes.append(Cause(f"spec.names.{field}", "FieldValueInvalid", message))
    return causes


def _check_versions(versions: list[Object]) -> list[Cause]:
    if not versions:
        return [_required("spec.versions")]
    causes = []
    if sum(1 for version in versions if version.get("storage")) != 1:
        message = "Invalid value: must have exactly one version marked as storage version"
        causes.append(Cause("spec.versions", "FieldValueInvalid", message))
    if len({version.get("name") for version in versions}) != len(versions):
        causes.append(Cause("spec.versions", "FieldValueInvalid", "Invalid value: must contain unique version names"))
    for at, version in enumerate(versions):
        field = f"spec.versions[{at}]"
        causes += check_label(version.get("name") or "", f"{field}.name")
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            causes.append(Cause(f"{field}.schema.openAPIV3Schema", "FieldValueRequired", "Required value"))
    return causes


def _check_update(before: Object, after: Object) -> list[Cause]:
    message = "field is immutable"
    fixed = {"spec.group": "group", "spec.scope": "scope"}
    causes = [
        Cause(field, "FieldValueInvalid", f'Invalid value: "{after["spec"].get(name)}": {message}')
        for field, name in fixed.items()
        if before["spec"].get(name) != after["spec"].get(name)
    ]
    return causes


DEFINITION = Kind(
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    singular="customresourcedefinition",
    group="apiextensions.k8s.io",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=("status",),
    columns=(
        Column("Name", lambda obj: obj["metadata"]["name"], format="name"),
        Column("Created At", lambda obj: obj["metadata"].get("creationTimestamp"), "date"),
    ),
    counts_generations=True,
    complete=_complete,
    check=_check,
    check_update=_check_update,
)
