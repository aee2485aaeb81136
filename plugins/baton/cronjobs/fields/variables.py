"""What Kubernetes refuses of environment variables and of what they, and files, are made of, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from baton.cronjobs.fields.container import RESOURCES, Object, Rule, needs, one_of, relative_path
from baton.cronjobs.fields.values import Finding, wrong_key
from kubernetes_values import CONFIG_KEY, SUBDOMAIN, VARIABLE, canonical

_HIGHEST_MODE = 0o777
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_OF_POD = ("metadata.name", "metadata.namespace", "metadata.uid")
_IN_VARIABLES = (
    *_OF_POD, "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_IN_VOLUMES = (*_OF_POD, "metadata.labels", "metadata.annotations")
_RESOURCE_FIELDS = tuple(f"{group}.{name}" for group in ("limits", "requests") for name in RESOURCES)
_OF_CPU = ("1m", "1")
_OF_BYTES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_HUGE_FIELDS = ("limits.hugepages-", "requests.hugepages-")


def variable(part: Object) -> Iterator[Finding]:
    """An environment variable."""
    name = part.get("name")
    if not name:
        yield ("name",), "is missing"
    elif not VARIABLE.fits(name):
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
    mode = part.get("mode")
    if mode is not None and not 0 <= mode <= _HIGHEST_MODE:
        yield ("mode",), f"must be a mode from 0 to 0777, is {mode}"
    if part.get("resourceFieldRef") and not part["resourceFieldRef"].get("containerName"):
        yield ("resourceFieldRef", "containerName"), "is missing: a file needs to know of which container"


def _field_path(part: Object, known: tuple[str, ...]) -> Iterator[Finding]:
    path = (part.get("fieldRef") or {}).get("fieldPath")
    found = _SUBSCRIPT.fullmatch(path or "")
    if found and (why := wrong_key(found[2].lower() if found[1] == "annotations" else found[2])):
        yield ("fieldRef", "fieldPath"), why
    if part.get("fieldRef") is not None and path not in known and not found:
        listed = ", ".join((*known, "metadata.labels['KEY']", "metadata.annotations['KEY']"))
        yield ("fieldRef", "fieldPath"), f"must be one of {listed}, is {path!r}" if path else "is missing"


def file_key(part: Object) -> Iterator[Finding]:
    """A variable of a file that another container writes."""
    yield from needs("volumeName", "key")(part)
    yield from relative_path(part, "path")
    if part.get("key") and not VARIABLE.fits(part["key"]):
        yield ("key",), f"{part['key']!r} is no name of a variable: printable ASCII characters other than ="


def variables_source(part: Object) -> Iterator[Finding]:
    """A ConfigMap or Secret all of whose keys become variables."""
    yield from one_of(part, ("configMapRef", "secretRef"))
    if part.get("prefix") and not VARIABLE.fits(part["prefix"]):
        yield ("prefix",), f"{part['prefix']!r} begins no name of a variable: printable ASCII characters other than ="


def named(part: Object) -> Iterator[Finding]:
    """The name of an object."""
    yield from needs("name")(part)
    if part.get("name") and not SUBDOMAIN.fits(part["name"]):
        yield ("name",), f"{part['name']!r} is no name: lower case letters, digits, '-' and '.'"


def config_key(part: Object) -> Iterator[Finding]:
    """The key of a ConfigMap or Secret."""
    yield from needs("key")(part)
    key = part.get("key")
    if key and not (CONFIG_KEY.fits(key) and key != "." and not key.startswith("..")):
        yield ("key",), f"{key!r} is no key: letters, digits, '-', '_' and '.', neither '.' nor '..' nor beginning so"


def key_of_object(part: Object) -> Iterator[Finding]:
    """A key in a ConfigMap or Secret."""
    yield from named(part)
    yield from config_key(part)


def resource_field(part: Object) -> Iterator[Finding]:
    """A request or a limit, as a value."""
    name = part.get("resource")
    if not name:
        yield ("resource",), "is missing"
    elif name not in _RESOURCE_FIELDS and not name.startswith(_HUGE_FIELDS):
        yield ("resource",), f"must be one of {', '.join(_RESOURCE_FIELDS)}, is {name!r}"
    elif not _is_divisor(name, part.get("divisor")):
        known = _OF_CPU if name.endswith(".cpu") else _OF_BYTES
        yield ("divisor",), f"must be one of {', '.join(known)}, is {part['divisor']!r}"


def _is_divisor(resource: str, divisor: Any) -> bool:
    """Whether Kubernetes divides by it: one of each unit."""
    written = None if divisor is None else canonical(str(divisor))
    return written in (None, "0", *(_OF_CPU if resource.endswith(".cpu") else _OF_BYTES))


RULES: dict[str, Rule] = {
    "core.EnvVar": variable,
    "core.EnvVarSource": variable_source,
    "core.EnvFromSource": variables_source,
    "core.ConfigMapEnvSource": named,
    "core.SecretEnvSource": named,
    "core.ConfigMapKeySelector": key_of_object,
    "core.SecretKeySelector": key_of_object,
    "core.FileKeySelector": file_key,
    "core.ResourceFieldSelector": resource_field,
    "core.DownwardAPIVolumeFile": file_source,
}
"""By the type of the part, as `kubernetes_values` calls it."""
