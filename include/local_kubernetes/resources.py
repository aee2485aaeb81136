"""The kinds this server knows. A new kind is one more entry; routes, storage, watches and discovery follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .errors import Cause, qualified
from .store import Key

Object = dict[str, Any]
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


def _same(obj: Object) -> Object:
    return obj


def _no_causes(_: Object) -> list[Cause]:
    return []


def _no_update_causes(_: Object, __: Object) -> list[Cause]:
    return []


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``. ``priority`` 1 is shown by ``-o wide`` only."""

    name: str
    value: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0
    format: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource and its rules.

    :param complete: fills in defaults of a new object.
    :param check: names what is wrong with a new object.
    :param check_update: names what is wrong with replacing the first object by the second.
    :param default_propagation: what becomes of dependents when a client does not say.
    :param prune: for kinds that the schema table does not have: drops unknown fields and names them.
    :param list_kind: what a list calls itself; empty: the kind and ``List``.
    :param schema: of a custom resource, as its definition has it.
    :param scale_paths: where wanted and present replicas and the selector are, for kinds with ``scale``.
    :param fields: paths that field selectors may use, besides name and namespace.
    """

    plural: str
    kind: str
    singular: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    scale_paths: tuple[str, str, str] = ("spec.replicas", "status.replicas", "spec.selector")
    fields: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = ()
    counts_generations: bool = False
    returns_status_when_deleted: bool = True
    default_propagation: str = "Background"
    complete: Callable[[Object], Object] = _same
    check: Callable[[Object], list[Cause]] = _no_causes
    check_update: Callable[[Object, Object], list[Cause]] = _no_update_causes
    prune: Callable[[Object], tuple[Object, list[str]]] | None = None
    schema: Object | None = None
    list_kind: str = ""

    @property
    def resource(self) -> str:
        """The name under which objects are stored: ``pods``, ``jobs.batch``."""
        return qualified(self.plural, self.group)

    @property
    def api_version(self) -> str:
        """As in an object's ``apiVersion``: ``v1``, ``batch/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def selectable(self) -> frozenset[str]:
        """Every path a field selector may use."""
        own = {"metadata.name", "metadata.namespace"} if self.namespaced else {"metadata.name"}
        return self.fields | own

    def shown(self, obj: Object) -> Object:
        """An object in this kind's version: custom resources differ by nothing but the version's name."""
        return obj if obj.get("apiVersion") == self.api_version else {**obj, "apiVersion": self.api_version}

    def listed(self, obj: Object) -> Object:
        """An object as a list's item: only custom resources tell their kind again."""
        if self.prune is not None:
            return self.shown(obj)
        return {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}

    def key(self, namespace: str, name: str) -> Key:
        """The key of one object of this kind."""
        return Key(self.resource, namespace if self.namespaced else "", name)


@dataclass(slots=True)
class Registry:
    """The kinds, found by their place in a path."""

    _kinds: dict[tuple[str, str, str], Kind] = field(default_factory=dict)

    @classmethod
    def of(cls, kinds: Iterable[Kind]) -> Registry:
        """A registry of these kinds."""
        registry = cls()
        for kind in kinds:
            registry.add(kind)
        return registry

    def add(self, kind: Kind) -> None:
        """Serve one more kind."""
        self._kinds[kind.group, kind.version, kind.plural] = kind

    def remove_custom(self, group: str, plural: str) -> None:
        """Serve the custom resources of that name no longer."""
        gone = [key for key, kind in self._kinds.items() if kind.prune and (key[0], key[2]) == (group, plural)]
        for key in gone:
            del self._kinds[key]

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served at a path, or None."""
        return self._kinds.get((group, version, plural))

    def by_resource(self, resource: str) -> Kind | None:
        """The kind whose objects are stored under that name, or None."""
        return next((kind for kind in self._kinds.values() if kind.resource == resource), None)

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, the core group ("") left out."""
        found: dict[str, list[str]] = {}
        for group, version, _ in self._kinds:
            if group and version not in found.setdefault(group, []):
                found[group].append(version)
        return found

    def of_version(self, group: str, version: str) -> list[Kind]:
        """The kinds of one group and version, by plural."""
        found = [kind for key, kind in self._kinds.items() if key[:2] == (group, version)]
        return sorted(found, key=lambda kind: kind.plural)

    def all(self) -> list[Kind]:
        """Every kind."""
        return list(self._kinds.values())
