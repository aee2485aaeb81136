"""Why a task of the examples does not succeed: what is known, else the last error of its log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

KNOWN: dict[tuple[str, str], str] = {}

# Tasks that cannot succeed here and that others wait for: these are run as if they had.
REPLACED = {("example_kubernetes_kueue_operators", "install_kueue")}


# In what the Kubernetes client says of an error: the server's sentence.
_MESSAGE = re.compile(r'"message": ?"((?:[^"\\]|\\.)*)"')


def last_error(log: Iterable[dict[str, Any]]) -> str:
    """The last error of a task's log in one line; empty where there is none.

    :param log: entries as Airflow's REST API returns them (``event``, ``level``, ``error_detail``).
    """
    found = ""
    for entry in log:
        for detail in entry.get("error_detail") or []:
            found = f"{detail.get('exc_type')}: {detail.get('exc_value')}"
        if not found and entry.get("level") == "error":
            found = str(entry.get("event"))
    told = _MESSAGE.search(found)
    return " ".join((told[1] if told else found).split())[:300]
