"""Several schedules in one DAG: a table of task → cron, and a first task that follows those that are due.

Why not one DAG for each: they are one job to people, with one documentation, one pool and one page of runs.
Why Airflow's own timetable says what is due: it has made the run, so the two agree also in nights in which the clock
changes, whatever they take a repeated or a missing hour for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import MultipleCronTriggerTimetable, Param, task

if TYPE_CHECKING:
    from datetime import datetime

CHOOSE = "choose"


@dataclass(frozen=True)
class CronTable:
    """When which task of a DAG runs.

    :param crons: task id → cron, five fields. Two tasks may have the same.
    :param zone: IANA name; also the zone of the DAG's start date.
    """

    crons: Mapping[str, str]
    zone: str

    def timetable(self) -> MultipleCronTriggerTimetable:
        """Return the schedule of the DAG: whenever one of its tasks is due."""
        return MultipleCronTriggerTimetable(*dict.fromkeys(self.crons.values()), timezone=self.zone)

    def params(self) -> dict[str, Param]:
        """Return the param by which a run by hand names its tasks; all of them by default."""
        names = list(self.crons)
        items = {"type": "string", "enum": names}
        description = "Which tasks a run by hand runs; a scheduled one runs those that are due."
        only = Param(names, type="array", items=items, uniqueItems=True, examples=names, description=description)
        return {"only": only}

    def due(self, moment: datetime) -> list[str]:
        """Return the tasks that are due at a moment of the schedule."""
        return [name for name, cron in self.crons.items() if self._fits(cron, moment)]

    def _fits(self, cron: str, moment: datetime) -> bool:
        """Walk to the moment as the scheduler does.

        Why not ask whether the moment lies on the schedule: Airflow runs 02:30 at 03:30 in the night that has no 02:30,
        and answers then that it is not due at 03:30.
        """
        import pendulum
        from airflow.timetables.base import DataInterval, TimeRestriction
        from airflow.timetables.trigger import CronTriggerTimetable

        timetable = CronTriggerTimetable(cron, timezone=self.zone)
        always = TimeRestriction(earliest=None, latest=None, catchup=True)
        until = pendulum.instance(moment)
        tick = until.subtract(hours=3)
        while tick < until:
            info = timetable.next_dagrun_info(last_automated_data_interval=DataInterval(tick, tick), restriction=always)
            if info is None:
                return False
            tick = info.run_after
        return tick == until

    def chosen(self, run_type: str, run_after: datetime, only: list[str]) -> list[str]:
        """Return the tasks of a run: what is due on schedule, else what somebody asked for.

        :param run_type: Airflow's; its members equal their text, and their `str()` does not.
        """
        return self.due(run_after) if run_type == "scheduled" else only


def choose(table: CronTable) -> Any:
    """Return the task that all tasks of the table follow; it skips those that are not due."""

    @task.branch(task_id=CHOOSE)
    def choose_due(dag_run: Any = None, params: Any = None) -> list[str]:
        return table.chosen(dag_run.run_type, dag_run.run_after, list(params["only"]))

    return choose_due()
