"""What a path means: which kind, which namespace, which object, which part of it."""

from __future__ import annotations

from dataclasses import dataclass

from local_kubernetes.errors import unknown_resource
from local_kubernetes.resources import Kind, Registry
from local_kubernetes.store import Key


@dataclass(frozen=True, slots=True)
class Target:
    """A resolved path. ``namespace`` is None for all namespaces, ``name`` is empty for a collection."""

    kind: Kind
    namespace: str | None
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """The key of the object the path names."""
        return self.kind.key(self.namespace or "", self.name)


def resolve(registry: Registry, path: str) -> Target:
    """Read ``/api/v1/…`` and ``/apis/GROUP/VERSION/…``.

    :raises ApiError: 404, nothing is served there.
    """
    root, *parts = path.strip("/").split("/")
    group, parts = ("", parts) if root == "api" else (parts[0] if parts else "", parts[1:])
    if len(parts) < 2:
        raise unknown_resource()
    version, *rest = parts
    namespace: str | None = None
    if rest[0] == "namespaces" and len(rest) >= 3 and registry.find(group, version, rest[2]):
        namespace, rest = rest[1], rest[2:]
    kind = registry.find(group, version, rest[0])
    inside = kind is not None and rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in kind.subresources
    if kind is None or inside:
        wanted = rest[2] if rest[0] == "namespaces" and len(rest) >= 3 else rest[0]
        raise unknown_resource(f"this local server does not serve {wanted} in {group or 'core'}/{version}")
    name, subresource = [*rest[1:], "", ""][:2]
    outside = kind.namespaced == (namespace is None) and (bool(name) or not kind.namespaced)
    if len(rest) > 3 or outside:
        raise unknown_resource()
    if subresource and subresource not in kind.subresources:
        raise unknown_resource(f"this local server does not serve {rest[0]}/{subresource}")
    return Target(kind, namespace, name, subresource)
