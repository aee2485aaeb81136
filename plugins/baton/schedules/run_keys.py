"""The run key: the one name under which all stages of a run find each other's files.

Why one place: when two stages compute "today" by themselves, a run that crosses midnight, a night with a clock change
or a repeated run of last Tuesday mixes two days. The key is therefore a property of the run, never of the clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from baton.exceptions import PermanentError

if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Protocol

    class Run(Protocol):
        """What is read from a DAG run."""

        partition_key: str | None
        run_after: datetime

    class Zoned(Protocol):
        """What is read from a DAG."""

        timezone: tzinfo


RUN_MOMENT = "{{ macros.baton.run_moment(dag_run) }}"
"""The template of a task of a DAG that runs more than once a day."""

RUN_KEY = "{{ macros.baton.run_key(dag_run, dag) }}"
"""The template for a task's arguments."""

_SAFE_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def run_moment(dag_run: Run) -> str:
    """Name the run by the moment for which it was planned, in UTC, to the minute: `2026-11-22T0800Z`.

    Why UTC: in the night in which the clock goes back an hour comes twice.
    """
    return f"{dag_run.run_after.astimezone(UTC):%Y-%m-%dT%H%MZ}"


def hours_since_workday(dag_run: Run, dag: Zoned) -> int:
    """Count the hours since the same time of the workday before, in the DAG's zone: 24, on Mondays 72.

    Why not a constant: a Monday after a change of the clock has 71 or 73.
    """
    now = dag_run.run_after.astimezone(dag.timezone)
    days = {0: 3, 6: 2}.get(now.weekday(), 1)
    before = datetime.combine(now.date() - timedelta(days=days), now.time(), dag.timezone)
    return round((now.astimezone(UTC) - before.astimezone(UTC)) / timedelta(hours=1))


def run_key(dag_run: Run, dag: Zoned) -> str:
    """Name the run: its partition key, else its day in the DAG's time zone as an ISO date.

    Why the DAG's zone: a run at 01:00 in Prague starts at 23:00 or 24:00 UTC of the day before; the people who look
    for its files think in their own days.

    :param dag_run: the run; `partition_key` is set by a partition timetable or by whoever triggered the run.
    :param dag: the DAG; its `timezone` is that of its `start_date`.
    :returns: 1 to 63 characters that are safe in a path, an object key and a label.
    :raises PermanentError: the partition key would not be safe there.
    """
    key = dag_run.partition_key
    if key is None:
        return dag_run.run_after.astimezone(dag.timezone).date().isoformat()
    if not _SAFE_KEY.fullmatch(key) or ".." in key:
        raise PermanentError(
            f"partition key {key!r} cannot name files: use letters, digits, '.', '_', '-', at most 63 characters"
        )
    return key
