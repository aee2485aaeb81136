"""The fields of a CronJob and everything in it, by type: names and kinds of values (``table.txt``).

Made by ``python -m baton.cronjobs.fields.table TABLE`` from the local Kubernetes' table of the whole API, which
explains it (``include/local_kubernetes/schema/table.py``). Why a copy: the wheel has no local Kubernetes in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_suffix(".txt")
ROOT = "batch.CronJob"
_SCALARS = frozenset({"string", "bool", "int32", "int64", "uint32", "float64", "bytes"})
_SPECIAL = frozenset({"Time", "MicroTime", "Duration", "Any", "Quantity", "IntOrString", "RawExtension"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    :param shape: ``""`` one value, ``[]`` list, ``{}`` map; longer for lists in maps.
    :param kind: the scalar or message inside.
    :param type_name: what Kubernetes' Go code calls a text that may be some values only, such as `v1.PullPolicy`.
    """

    shape: str
    kind: str
    type_name: str = ""

    @property
    def is_message(self) -> bool:
        """Whether the value, or each item, has fields itself."""
        return self.kind not in _SCALARS and self.kind not in _SPECIAL


@cache
def fields_of(message: str) -> dict[str, Field]:
    """The fields of a message, inlined ones included."""
    found: dict[str, Field] = {}
    for line in _messages(TABLE)[message]:
        name, _, written, *_ = line.split()
        field = _field(written)
        if name == "-":
            found |= fields_of(field.kind)
        else:
            found[name] = field
    return found


def _field(written: str) -> Field:
    written = written.lstrip("*")
    kind = written.lstrip("[]{}")
    shape = written[: len(written) - len(kind)]
    kind, _, type_name = kind.partition(":")
    return Field(shape, kind, type_name)


@cache
def _messages(table: Path) -> dict[str, list[str]]:
    messages: dict[str, list[str]] = {}
    current: list[str] = []
    for line in table.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            current.append(line)
        elif not line.startswith("#"):
            current = messages[line] = []
    return messages


def extract(table: Path) -> Iterator[str]:
    """Yield the lines of a table that a CronJob leads to."""
    messages, open_ends, found = _messages(table), [ROOT], set[str]()
    while open_ends:
        name = open_ends.pop()
        if name not in found:
            found.add(name)
            fields = [_field(line.split()[2]) for line in messages[name]]
            open_ends += [field.kind for field in fields if field.is_message]
    yield table.read_text(encoding="utf-8").splitlines()[0]
    for name in sorted(found):
        yield name
        yield from messages[name]


if __name__ == "__main__":
    print(*extract(Path(sys.argv[1])), sep="\n")
