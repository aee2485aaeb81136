"""What Prometheus is asked and which commands may run inside containers: `include/incidents/diagnostics.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baton.incidents.checked_file import read_checked
from baton.incidents.diagnostics.dumps import Dump
from baton.incidents.diagnostics.prometheus import Query


@dataclass(frozen=True, slots=True)
class Evidence:
    """The file's content."""

    queries: tuple[Query, ...]
    dumps: tuple[Dump, ...]


def read_evidence(path: Path) -> Evidence:
    """Read the file.

    :raises IncidentsFileError: it is not of the documented form.
    """
    document = read_checked(path, "diagnostics_file.schema.json")
    queries = tuple(
        Query(item["name"], item["title"], item["query"], item.get("unit", ""), tuple(item.get("labels") or ()))
        for item in document.get("queries") or ()
    )
    dumps = tuple(
        Dump(item["name"], item["title"], tuple(item["command"]), float(item.get("seconds", 5)))
        for item in document.get("dumps") or ()
    )
    return Evidence(queries, dumps)
