"""The tick of a run: the moment of the schedule for which it runs, and how its Job is called.

Why the controller's own names: a Job's name is taken or free, and Kubernetes decides that once for everybody. As long
as a tick has one name, no second try, no second scheduler and no CronJob controller can run it twice.
Source: `getJobName` in pkg/controller/cronjob/utils.go of kubernetes/kubernetes.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubernetes_cron import load_zone
from kubernetes_values import MAX_CRONJOB_NAME_LENGTH

if TYPE_CHECKING:
    from typing import Any, Protocol

    class Run(Protocol):
        """What is read from a DAG run."""

        @property
        def run_type(self) -> Any: ...  # a string enumeration of Airflow's

        @property
        def logical_date(self) -> datetime | None: ...

        @property
        def run_after(self) -> datetime: ...


_RUN_CHARACTERS = 9
_SCHEDULED = ("scheduled", "backfill")


def tick_of(run: Run) -> datetime | None:
    """Return the run's tick, None for a run that no schedule asked for (by hand, by an asset, by an alert).

    It is the logical date; partitioned runs have none, and start at their tick.
    """
    if run.run_type not in _SCHEDULED:
        return None
    return (run.logical_date or run.run_after).astimezone(UTC)


def tick_job_name(cronjob: str, tick: datetime) -> str:
    """Return the name that the CronJob controller gives the Job of a tick: `{cronjob}-{unix minutes}`."""
    return f"{_short(cronjob)}-{int(tick.timestamp()) // 60}"


def run_job_name(cronjob: str, identity: str) -> str:
    """Return the name of the Job of a run without a tick: `{cronjob}-m{nine letters}`.

    Why letters: a tick's name ends in digits only, so that the two never meet.

    :param identity: what names the task's run, the same over its tries.
    """
    return f"{_short(cronjob)}-m{_letters(identity)}"


def scheduled_timestamp(tick: datetime, time_zone: str | None) -> str:
    """Write a tick as the controller does in a Job's annotation: RFC 3339 in the CronJob's time zone.

    :raises TimeZoneError: there is no such zone.
    """
    zone = load_zone(time_zone or "UTC")
    return tick.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def _short(name: str) -> str:
    """Cut a name that no CronJob could have, such as a Job's; what is cut off stays told apart by letters."""
    if len(name) <= MAX_CRONJOB_NAME_LENGTH:
        return name
    return f"{name[: MAX_CRONJOB_NAME_LENGTH - _RUN_CHARACTERS - 1].rstrip('-.')}-{_letters(name)}"


def _letters(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_RUN_CHARACTERS]
