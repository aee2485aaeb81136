"""Why a task of the examples does not succeed: what is known, else the last error of its log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

OPERATOR, ASYNC = "example_kubernetes_operator", "example_kubernetes_operator_async"
KUEUE, SPARK = "example_kubernetes_kueue_operators", "spark_pi"


@dataclass(frozen=True)
class Known:
    """A known reason.

    :param error: what the task's error has to contain, else the reason is another one.
    """

    error: str
    why: str


_AFFINITY = Known(
    "topologyKey: Required value",
    "fault of the example: a required term of its podAffinity has a weight and no topologyKey (422 on every cluster)",
)
KNOWN = {
    (OPERATOR, "task"): _AFFINITY,
    (ASYNC, "kubernetes_task_async"): _AFFINITY,
    (ASYNC, "kubernetes_task_async_log"): Known(
        "not found",
        "fault of the example: its namespace has underscores in the name, which no cluster allows (404)",
    ),
    (ASYNC, "pod_task_xcom_result_async"): Known(
        "None has no element 0",
        "fault of the example: it pulls the XCom of a task `write-xcom`, which this DAG does not have",
    ),
    (KUEUE, "install_kueue"): Known(
        "",
        "not here: it installs Kueue from the internet, a controller in an image; the runner lets queued Jobs start",
    ),
    (SPARK, "spark_pi_submit"): Known(
        "no end within",
        "no runtime: it waits for the driver's pod, which the Spark operator would start; neither it nor Spark is here",
    ),
    (SPARK, "spark_pi_monitor"): Known("did not succeed", "waits for spark_pi_submit"),
}

# Tasks that cannot succeed here and that others wait for: these are run as if they had.
REPLACED = {(KUEUE, "install_kueue")}

# In what the Kubernetes client says of an error: the server's sentence.
_MESSAGE = re.compile(r'"message": ?"((?:[^"\\]|\\.)*)"')


def known_reason(dag_id: str, task_id: str, error: str) -> str:
    """The known reason for this error of a task; empty where it is none."""
    known = KNOWN.get((dag_id, task_id))
    return known.why if known and known.error in error else ""


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
