"""What Kubernetes refuses of environment variables and of what they, and files, are made of, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from baton.cronjobs.fields.container import RESOURCES, Object, Rule, needs, one_of, relative_path
from baton.cronjobs.fields.values import Finding
from kubernetes_values import CONFIG_KEY, SUBDOMAIN, VARIABLE

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]")
_OF_POD = ("metadata.name", "metadata.namespace", "metadata.uid")
_IN_VARIABLES = (
    *_OF_POD, "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_IN_VOLUMES = (*_OF_POD, "metadata.labels", "metadata.annotations")
_RESOURCE_FIELDS = tuple(f"{group}.{name}" for group in ("limits", "requests") for name in RESOURCES)
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


def _field_path(part: Object, known: tuple[str, ...]) -> Iterator[Finding]:
    path = (part.get("fieldRef") or {}).get("fieldPath")
    if part.get("fieldRef") is not None and path not in known and not _SUBSCRIPT.fullmatch(path or ""):
        listed = ", ".join((*known, "metadata.labels['KEY']", "metadata.annotations['KEY']"))
        yield ("fieldRef", "fieldPath"), f"must be one of {listed}, is {path!r}" if path else "is missing"


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
    if part.get("key") and not CONFIG_KEY.fits(part["key"]):
        yield ("key",), f"{part['key']!r} is no key: letters, digits, '-', '_' and '.'"


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


RULES: dict[str, Rule] = {
    "core.EnvVar": variable,
    "core.EnvVarSource": variable_source,
    "core.EnvFromSource": variables_source,
    "core.ConfigMapEnvSource": named,
    "core.SecretEnvSource": named,
    "core.ConfigMapKeySelector": key_of_object,
    "core.SecretKeySelector": key_of_object,
    "core.ResourceFieldSelector": resource_field,
    "core.DownwardAPIVolumeFile": file_source,
}
"""By the type of the part, as `kubernetes_values` calls it."""
