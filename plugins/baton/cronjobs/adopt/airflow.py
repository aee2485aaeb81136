"""What `./baton adopt` asks of Airflow: its REST API, with a token."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from baton.airflow_rest import AirflowError, AirflowRest

_ACTIVE = ("queued", "running")


class Airflow:
    """An Airflow's DAGs, by REST.

    :param url: address of the web UI, without a path.
    :param token: a JWT of a user who may edit DAGs.
    """

    def __init__(self, url: str, token: str) -> None:
        self._rest = AirflowRest(url, token)

    def close(self) -> None:
        """Close the connection."""
        self._rest.close()

    def switch(self, dag_id: str, *, on: bool) -> None:
        """Switch a DAG on or off.

        :raises AirflowError: there is no such DAG (yet).
        """
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": not on})

    def is_stale(self, dag_id: str) -> bool:
        """Whether the file that made the DAG does not make it any more."""
        return bool(self._call("GET", f"/dags/{dag_id}")["is_stale"])

    def is_on(self, dag_id: str) -> bool:
        """Whether the DAG is switched on."""
        return not self._call("GET", f"/dags/{dag_id}")["is_paused"]

    def last_tick(self, dag_id: str) -> datetime | None:
        """The newest tick that the schedule made a run for, or None."""
        query = {"run_type": "scheduled", "order_by": "-logical_date", "limit": 1}
        runs = self._call("GET", f"/dags/{dag_id}/dagRuns", params=query)["dag_runs"]
        return datetime.fromisoformat(runs[0]["logical_date"]) if runs else None

    def last_start(self, dag_id: str) -> datetime | None:
        """When its newest run started, whatever started it; None without any."""
        query = {"order_by": "-start_date", "limit": 1}
        runs = self._call("GET", f"/dags/{dag_id}/dagRuns", params=query)["dag_runs"]
        start = runs[0]["start_date"] if runs else None
        return datetime.fromisoformat(start) if start else None

    def active_runs(self, dag_id: str) -> int:
        """How many runs have not ended."""
        query = {"state": list(_ACTIVE), "limit": 1}
        return int(self._call("GET", f"/dags/{dag_id}/dagRuns", params=query)["total_entries"])

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            return self._rest.call(method, f"/api/v2{path}", **options)
        except AirflowError as err:
            if err.status != HTTPStatus.NOT_FOUND:
                raise
            raise AirflowError(
                f"Airflow does not know {path.removeprefix('/')} (yet): is its manifest in the folder that its "
                "dag-processor reads, and is there an import error?",
                err.status,
            ) from err
