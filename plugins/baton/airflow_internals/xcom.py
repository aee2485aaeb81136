"""XComs, written where no task runs: in a triggerer."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseXCom
from airflow.sdk.execution_time.xcom import XCom


async def push_result(instance: Any, result: Any) -> None:
    """Store what a task returns, for the task instance of a trigger.

    Why not the event's own ``xcoms``: Airflow 3.3.2 encodes those twice, and the next task pulls a text.
    """
    await XCom.aset(
        BaseXCom.XCOM_RETURN_KEY,
        result,
        dag_id=instance.dag_id,
        task_id=instance.task_id,
        run_id=instance.run_id,
        map_index=instance.map_index,
    )
