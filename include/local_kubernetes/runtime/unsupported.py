"""What a pod asks for that has no effect here: said in an event, not passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .probes import probe

Object = dict[str, Any]
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_INPUT = ("stdin", "tty")
_GIVEN_UP = ("allowPrivilegeEscalation", "readOnlyRootFilesystem", "runAsNonRoot")
_IDENTITIES = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "fsGroupChangePolicy")
_POD_FIELDS = (
    "affinity",
    "dnsConfig",
    "hostAliases",
    "hostIPC",
    "hostPID",
    "runtimeClassName",
    "shareProcessNamespace",
    "topologySpreadConstraints",
)


def describe(pod: Object) -> str:
    """A sentence that names the fields without effect; empty if there are none."""
    fields = sorted(_fields(pod["spec"]))
    if not fields:
        return ""
    return f"Without effect on this local server: {', '.join(fields)}"


def _fields(spec: Object) -> Iterator[str]:
    yield from (f"spec.{name}" for name in _POD_FIELDS if spec.get(name))
    yield from (f"spec.securityContext.{name}" for name in _wants(spec.get("securityContext") or {}))
    for volume in spec.get("volumes") or []:
        if (volume.get("emptyDir") or {}).get("sizeLimit"):
            yield f"spec.volumes[{volume['name']}].emptyDir.sizeLimit"
    for part in ("initContainers", "containers"):
        for container in spec.get(part) or []:
            where = f"spec.{part}[{container['name']}]"
            if ((container.get("resources") or {}).get("limits") or {}).get("cpu"):
                yield f"{where}.resources.limits.cpu"
            yield from (f"{where}.{name}" for name in _INPUT if container.get(name))
            yield from (f"{where}.{name}" for name in _PROBES if container.get(name) and not probe(container, name))
            yield from (f"{where}.securityContext.{name}" for name in _wants(container.get("securityContext") or {}))


def _wants(context: Object) -> Iterator[str]:
    """The fields of a security context that want more than a container gets here; giving up rights is no loss.

    Every restricted pod gives them up: an event about each would hide what matters.
    """
    for name, value in context.items():
        gives_up = name in _GIVEN_UP or (name in _IDENTITIES and value != 0)
        drops = name == "capabilities" and not value.get("add")
        default = name == "seccompProfile" and value.get("type") == "RuntimeDefault"
        if not gives_up and not drops and not default and value not in (False, None):
            yield name
