"""The table of fields (``fields.txt``): names, protobuf numbers, types and how lists are merged.

Each message stands on a line of its own, its fields indented below it::

    core.Container
     ports 6 []core.ContainerPort merge=containerPort keys=containerPort,protocol

A field is its JSON name (``-``: inlined), its protobuf number (0: not in protobuf), its type and flags. Types: ``*``
pointer, ``[]`` list, ``{}`` map from strings, then a scalar (``string:v1.PullPolicy`` keeps its Go name, which error
messages tell) or a message. Flags: ``merge=KEY`` patch merge key, ``merge`` a set of scalars for patches,
``retainKeys``, ``replace``; ``keys=A,B`` key of a list for server-side apply, ``set``, ``atomic``; ``always``: written
even when it is empty; ``omitzero``: a time or a message that is not written when it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FIELDS = Path(__file__).with_name("fields.txt")
SPECIAL = frozenset({"Time", "MicroTime", "Duration", "Any", "Quantity", "IntOrString", "RawExtension"})
SCALARS = frozenset({"string", "bool", "int32", "int64", "uint32", "float64", "bytes"})
_PACKAGES = {
    "": "core",
    "batch": "batch",
    "apps": "apps",
    "autoscaling": "autoscaling",
    "policy": "policy",
    "events.k8s.io": "events",
    "apiextensions.k8s.io": "apiextensions",
    "authentication.k8s.io": "authentication",
    "authorization.k8s.io": "authorization",
    "rbac.authorization.k8s.io": "rbac",
    "meta.k8s.io": "meta",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    :param shape: ``""`` one value, ``[]`` list, ``{}`` map; longer for lists in maps.
    :param base: the scalar or message inside.
    :param go: the Go name of a scalar, as error messages write it.
    :param merge_key: by which patches tell a list's items apart.
    :param keys: by which server-side apply does.
    """

    name: str
    number: int
    pointer: bool
    shape: str
    base: str
    go: str
    flags: frozenset[str]
    merge_key: str
    keys: tuple[str, ...]

    @property
    def is_message(self) -> bool:
        """Whether the value, or each item, is a message of the table."""
        return self.base not in SCALARS and self.base not in SPECIAL

    @property
    def go_type(self) -> str:
        """The type as Go prints it: ``[]v1.Container``, ``map[string]string``."""
        names = {"bytes": "[]uint8", "Quantity": "resource.Quantity", "IntOrString": "intstr.IntOrString"}
        base = self.go or names.get(self.base, self.base)
        if self.is_message or self.base in ("Time", "MicroTime", "Duration"):
            base = f"v1.{self.base.rpartition('.')[2]}"
        return self.shape.replace("{}", "map[string]") + base


@dataclass(frozen=True, slots=True)
class Message:
    """A type with fields.

    :param own: its fields as protobuf has them, inlined messages among them (their name is ``-``).
    :param fields: its fields as JSON has them, by name.
    :param structs: for each field the struct that declares it, as error messages name it.
    """

    name: str
    own: dict[int, Field]
    fields: dict[str, Field]
    structs: dict[str, str]


def _field(line: str) -> Field:
    name, number, kind, *flags = line.split()
    rest = kind.lstrip("*")
    shape = rest[: len(rest) - len(rest.lstrip("[]{}"))]
    base, _, go = rest[len(shape) :].partition(":")
    options = dict(flag.split("=") for flag in flags if "=" in flag)
    return Field(
        name=name,
        number=int(number),
        pointer=kind.startswith("*"),
        shape=shape,
        base=base,
        go=go,
        flags=frozenset(flag for flag in flags if "=" not in flag),
        merge_key=options.get("merge", ""),
        keys=tuple(options["keys"].split(",")) if "keys" in options else (),
    )


@cache
def _lines() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    current = ""
    for line in FIELDS.read_text().splitlines():
        if line.startswith(" "):
            found[current].append(line)
        elif not line.startswith("#"):
            current = line
            found[current] = []
    return found


@cache
def message(name: str) -> Message:
    """A message of the table.

    :raises KeyError: the table has none of that name.
    """
    listed = [_field(line) for line in _lines()[name]]
    fields: dict[str, Field] = {}
    structs: dict[str, str] = {}
    for one in listed:
        if one.name == "-":
            inner = message(one.base)
            fields |= inner.fields
            structs |= inner.structs
        else:
            fields[one.name] = one
            structs[one.name] = name.partition(".")[2]
    return Message(name, {one.number: one for one in listed if one.number}, fields, structs)


def message_name(group: str, kind: str) -> str | None:
    """The message that describes objects of a kind, or None if the table has none."""
    if kind == "DeleteOptions":
        return "meta.DeleteOptions"
    name = f"{_PACKAGES.get(group, '?')}.{kind}"
    return name if name in _lines() else None
