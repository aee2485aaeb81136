"""A container's environment and command: what the pod's spec says, with references filled in.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_kubernetes.kinds.core import config_values, secret_values
from local_kubernetes.kinds.pod_check import quantity
from local_kubernetes.selector_parsing import at

Object = dict[str, Any]
Find = Callable[[str, str], Object | None]  # (resource, name) in the pod's namespace

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")
TOKENS = "serviceaccounts/token"  # what a pod's own tokens are found under, by their audience
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_FIELDS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.podIP",
        "status.podIPs",
        "status.hostIPs",
    }
)


_MACHINE: dict[tuple[str, str], Callable[[], int]] = {
    ("limits", "cpu"): lambda: os.cpu_count() or 1,
    ("limits", "memory"): lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    ("requests", "cpu"): lambda: 0,
    ("requests", "memory"): lambda: 0,
    ("limits", "ephemeral-storage"): lambda: shutil.disk_usage("/").total,
    ("requests", "ephemeral-storage"): lambda: 0,
}


class ConfigError(Exception):
    """A container cannot be configured; the message names what is missing, in a kubelet's words.

    ``reason`` is what the container shows that it waits for.
    """

    reason = "CreateContainerConfigError"


def expand(text: str, variables: Mapping[str, str]) -> str:
    """``$(NAME)`` becomes the variable's value if it has one, ``$$`` becomes ``$``, all else stays.

    Source: https://github.com/kubernetes/kubernetes/blob/master/third_party/forked/golang/expansion/expand.go
    """

    def value(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        return "$" if escaped else variables.get(name, match.group(0))

    return _REFERENCE.sub(value, text)


def variables(pod: Object, container: Object, find: Find) -> dict[str, str]:
    """The variables of a container in the order Kubernetes gives them: ``envFrom`` first, ``env`` over it.

    :raises ConfigError: a Secret, a ConfigMap, a key or a field is missing.
    """
    result: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        result.update(_from_source(source, pod, find))
    for variable in container.get("env") or []:
        if variable.get("valueFrom"):
            value = _from_reference(variable["valueFrom"], pod, container, find)
            if value is None:
                continue
        else:
            value = expand(str(variable.get("value") or ""), result)
        result[variable["name"]] = value
    return result


def _from_source(source: Object, pod: Object, find: Find) -> Iterable[tuple[str, str]]:
    prefix = source.get("prefix") or ""
    for field, resource, read in (
        ("secretRef", "secrets", secret_values),
        ("configMapRef", "configmaps", config_values),
    ):
        reference = source.get(field)
        if reference is not None:
            found = lookup(resource, reference, pod, find)
            for key, value in (read(found) if found else {}).items():
                yield prefix + key, value.decode(errors="replace")


def lookup(resource: str, reference: Object, pod: Object, find: Find, name_field: str = "name") -> Object | None:
    """The Secret or ConfigMap that a reference names; None if it is missing and optional.

    :raises ConfigError: it is missing.
    """
    name = str(reference.get(name_field) or "")
    found = find(resource, name)
    if found is None and not reference.get("optional"):
        word = resource.removesuffix("s")
        raise ConfigError(f'{word} "{name}" not found')
    return found


def _from_reference(reference: Object, pod: Object, container: Object, find: Find) -> str | None:
    if "secretKeyRef" in reference:
        return _key("secrets", reference["secretKeyRef"], secret_values, pod, find)
    if "configMapKeyRef" in reference:
        return _key("configmaps", reference["configMapKeyRef"], config_values, pod, find)
    if "fieldRef" in reference:
        return field(pod, reference["fieldRef"].get("fieldPath") or "")
    if "resourceFieldRef" in reference:
        return resource(reference["resourceFieldRef"], container)
    raise ConfigError(f"valueFrom: {', '.join(reference)} is not supported by this local server")


def _key(
    resource: str, reference: Object, read: Callable[[Object], dict[str, bytes]], pod: Object, find: Find
) -> str | None:
    found = lookup(resource, reference, pod, find)
    values = read(found) if found else {}
    key = reference.get("key") or ""
    if key not in values:
        if reference.get("optional"):
            return None
        word = "Secret" if resource == "secrets" else "ConfigMap"
        namespace = pod["metadata"]["namespace"]
        raise ConfigError(f"couldn't find key {key} in {word} {namespace}/{reference.get('name')}")
    return values[key].decode(errors="replace")


def field(pod: Object, path: str) -> str:
    """The text of a pod's field as ``fieldRef`` gives it.

    :raises ConfigError: a field that cannot be referred to.
    """
    match = _SUBSCRIPT.fullmatch(path)
    if match:
        part, key = match.groups()
        return str((pod["metadata"].get(part) or {}).get(key, ""))
    if path not in _FIELDS:
        raise ConfigError(f'fieldRef: "{path}" cannot be referred to')
    if path.endswith("IPs"):
        return ",".join(entry["ip"] for entry in (pod.get("status") or {}).get(path.removeprefix("status.")) or [])
    return at(pod, path)


def resource(reference: Object, container: Object) -> str:
    """The number of a container's ``resourceFieldRef`` in its divisor; without a limit the machine is the limit.

    :raises ConfigError: there is no such request.
    """
    part, _, name = str(reference.get("resource") or "").partition(".")
    resources = container.get("resources") or {}
    value = (resources.get(part) or {}).get(name) or (resources.get("limits") or {}).get(name)
    if value is None and (part, name) in _MACHINE:
        value = _MACHINE[part, name]()
    if value is None:
        raise ConfigError(f"resourceFieldRef: the container has no {reference.get('resource')}")
    return str(math.ceil(quantity(value) / quantity(reference.get("divisor") or "1")))
