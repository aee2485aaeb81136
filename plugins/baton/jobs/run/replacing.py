"""`concurrency: Replace`: a run ends the earlier ones of its job before it begins."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from baton.airflow_rest import AirflowError, AirflowRest
from baton.exceptions import PermanentError, TransientError

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

CONNECTION = "airflow_api_default"


def end_earlier_runs(context: Context) -> None:
    """Mark what still runs of the DAG, and was planned before this run, as failed; their workers are ended.

    Why by the REST API: a task may not write Airflow's tables.

    :raises PermanentError: the connection is missing.
    :raises TransientError: Airflow does not answer.
    """
    run = context["dag_run"]
    try:
        with closing(_client()) as api:
            path = f"/api/v2/dags/{run.dag_id}/dagRuns"
            found = api.call("GET", path, params={"state": ["queued", "running"], "limit": 100})["dag_runs"]
            for other in found:
                if other["dag_run_id"] != run.run_id and _moment(other["run_after"]) <= run.run_after:
                    api.call("PATCH", f"{path}/{other['dag_run_id']}", json={"state": "failed"})
                    log.info("Run %s has ended run %s", run.run_id, other["dag_run_id"])
    except AirflowError as err:
        raise TransientError(f"earlier runs cannot be ended: {err}") from err


def _client() -> AirflowRest:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from baton.functions.hook import address_of

    try:
        connection = BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException as err:
        raise PermanentError(f"connection {CONNECTION} is missing: `concurrency: Replace` needs it") from err
    return AirflowRest.signed_in(address_of(connection), connection.login or "", connection.password or "")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
