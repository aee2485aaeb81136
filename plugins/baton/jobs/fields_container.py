"""What Kubernetes refuses in a container, by the type of the part; each rule sees a part whose fields are well-formed.

Source: pkg/apis/core/validation/validation.go of kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from baton.jobs.fields_values import Finding

Object = dict[str, Any]
Rule = Callable[[Object], Iterator[Finding]]

_VARIABLE = re.compile(r"[ -<>-~]+")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_PORT_NAME = 15
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]")
_OF_POD = ("metadata.name", "metadata.namespace", "metadata.uid")
_IN_VARIABLES = (
    *_OF_POD, "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_IN_VOLUMES = (*_OF_POD, "metadata.labels", "metadata.annotations")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_QUANTITY = re.compile(r"([+-]?[0-9.]+)([numkKMGTPE]i?|[eE][+-]?[0-9]+|)")
_FACTORS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18} | {
    f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)
}


def needs(*names: str) -> Rule:
    """The rule that a part has these fields."""

    def rule(part: Object) -> Iterator[Finding]:
        for name in names:
            if part.get(name) in (None, ""):
                yield (name,), "is missing"

    return rule


def one_of(part: Object, names: tuple[str, ...], *, needed: bool = True) -> Iterator[Finding]:
    """What is wrong with a part that has one of these fields."""
    given = [name for name in names if part.get(name) is not None]
    if needed and not given:
        yield (), f"needs one of {', '.join(names)}"
    for name in given[1:]:
        yield (name,), f"cannot stand beside {given[0]}"


def container(part: Object) -> Iterator[Finding]:
    """Its image, and what must be unique in a container."""
    yield from needs("image")(part)
    image = part.get("image") or ""
    if image != image.strip():
        yield ("image",), "begins or ends with white space"
    yield from _twice(part.get("volumeMounts"), "volumeMounts", "mountPath")
    yield from _twice(part.get("ports"), "ports", "name")


def _twice(items: Any, group: str, key: str) -> Iterator[Finding]:
    seen = set[Any]()
    for position, item in enumerate(items or []):
        value = (item or {}).get(key)
        if value and value in seen:
            yield (group, position, key), f"{value} is there twice"
        seen.add(value)


def variable(part: Object) -> Iterator[Finding]:
    """An environment variable."""
    name = part.get("name")
    if not name:
        yield ("name",), "is missing"
    elif not _VARIABLE.fullmatch(name):
        yield ("name",), f"{name!r} is no name of a variable: printable ASCII characters other than ="
    if part.get("value") and part.get("valueFrom") is not None:
        yield ("valueFrom",), "cannot stand beside a value"


def variable_source(part: Object) -> Iterator[Finding]:
    """Where a variable's value comes from."""
    yield from one_of(part, ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"))
    yield from _field_path(part, _IN_VARIABLES)


def file_source(part: Object) -> Iterator[Finding]:
    """A file of a downwardAPI volume."""
    yield from relative_path(part, "path")
    yield from one_of(part, ("fieldRef", "resourceFieldRef"))
    yield from _field_path(part, _IN_VOLUMES)


def _field_path(part: Object, known: tuple[str, ...]) -> Iterator[Finding]:
    path = (part.get("fieldRef") or {}).get("fieldPath")
    if part.get("fieldRef") is not None and path not in known and not _SUBSCRIPT.fullmatch(path or ""):
        listed = ", ".join((*known, "metadata.labels['KEY']", "metadata.annotations['KEY']"))
        yield ("fieldRef", "fieldPath"), f"must be one of {listed}, is {path!r}" if path else "is missing"


def variables_source(part: Object) -> Iterator[Finding]:
    """A ConfigMap or Secret all of whose keys become variables."""
    yield from one_of(part, ("configMapRef", "secretRef"))


def relative_path(part: Object, name: str) -> Iterator[Finding]:
    """A path that has to stay below a volume."""
    path = part.get(name)
    if not path:
        yield (name,), "is missing"
    else:
        yield from _stays_below(path, name)


def _stays_below(path: str, name: str) -> Iterator[Finding]:
    if path.startswith("/"):
        yield (name,), f"{path!r} must be a relative path"
    elif ".." in path.split("/"):
        yield (name,), f"{path!r} must not contain .."


def mount(part: Object) -> Iterator[Finding]:
    """Where a volume is mounted."""
    yield from needs("name", "mountPath")(part)
    for name in ("subPath", "subPathExpr"):
        yield from _stays_below(part.get(name) or "", name)
    yield from one_of(part, tuple(name for name in ("subPath", "subPathExpr") if part.get(name)), needed=False)


def port(part: Object) -> Iterator[Finding]:
    """A port of a container."""
    name = part.get("name")
    if name and not (len(name) <= _LONGEST_PORT_NAME and _PORT_NAME.fullmatch(name)):
        yield ("name",), f"{name!r} is no name of a port: up to 15 lower case letters, digits and '-'"
    if part.get("containerPort") is None:
        yield ("containerPort",), "is missing"
    for field in ("containerPort", "hostPort"):
        number = part.get(field)
        if number is not None and not (0 < number < 65536 or (field == "hostPort" and number == 0)):
            yield (field,), f"must be a port from 1 to 65535, is {number}"


def resources(part: Object) -> Iterator[Finding]:
    """What a container requests, and its limits."""
    limits = part.get("limits") or {}
    for group in ("limits", "requests"):
        for name, value in (part.get(group) or {}).items():
            if "/" not in name and name not in _RESOURCES and not name.startswith("hugepages-"):
                yield (group, name), f"unknown resource; {', '.join(_RESOURCES)}, or a name with a / in it"
            elif _number(value) < 0:
                yield (group, name), f"must be 0 or more, is {value}"
    for name, value in (part.get("requests") or {}).items():
        if name not in limits:
            continue
        if _number(value) > _number(limits[name]):
            yield ("requests", name), f"{value} is more than the limit of {limits[name]}"
        elif "/" in name and _number(value) != _number(limits[name]):
            yield ("requests", name), f"must equal the limit of {limits[name]}, is {value}"


def _number(value: Any) -> float:
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return 0.0
    number, suffix = match.groups()
    return float(number) * _FACTORS[suffix] if suffix in _FACTORS else float(number + suffix)


def probe(part: Object) -> Iterator[Finding]:
    """A probe does one thing."""
    yield from one_of(part, ("exec", "httpGet", "tcpSocket", "grpc"))
    if part.get("exec") is not None and not part["exec"].get("command"):
        yield ("exec", "command"), "is missing"


def security(part: Object) -> Iterator[Finding]:
    """A container's rights."""
    if part.get("allowPrivilegeEscalation") is False:
        added = (part.get("capabilities") or {}).get("add") or []
        reason = "privileged" if part.get("privileged") else "CAP_SYS_ADMIN" if "CAP_SYS_ADMIN" in added else None
        if reason:
            yield ("allowPrivilegeEscalation",), f"cannot be false beside {reason}"
    yield from user_ids(part)


def user_ids(part: Object) -> Iterator[Finding]:
    """Users and groups are no negative numbers."""
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        if (part.get(name) or 0) < 0:
            yield (name,), f"must be 0 or more, is {part[name]}"


def profile(part: Object) -> Iterator[Finding]:
    """A seccomp or AppArmor profile."""
    yield from needs("type")(part)
    local = part.get("type") == "Localhost"
    if local != bool(part.get("localhostProfile")) and part.get("type"):
        yield ("localhostProfile",), "is missing" if local else f"cannot stand beside type {part['type']}"


RULES: dict[str, Rule] = {
    "core.Container": container,
    "core.EnvVar": variable,
    "core.EnvVarSource": variable_source,
    "core.EnvFromSource": variables_source,
    "core.ConfigMapEnvSource": needs("name"),
    "core.SecretEnvSource": needs("name"),
    "core.ConfigMapKeySelector": needs("name", "key"),
    "core.SecretKeySelector": needs("name", "key"),
    "core.ResourceFieldSelector": needs("resource"),
    "core.DownwardAPIVolumeFile": file_source,
    "core.VolumeMount": mount,
    "core.VolumeDevice": needs("name", "devicePath"),
    "core.ContainerPort": port,
    "core.ResourceRequirements": resources,
    "core.Probe": probe,
    "core.HTTPGetAction": needs("port"),
    "core.TCPSocketAction": needs("port"),
    "core.SecurityContext": security,
    "core.SeccompProfile": profile,
    "core.AppArmorProfile": profile,
}
"""By the type of the part, as `fields_table.txt` calls it."""
