"""When a CronJob runs next, as the CronJob controller of Kubernetes computes it. Standard library only.

>>> from datetime import datetime, UTC
>>> from kubernetes_cron import parse
>>> parse("30 2 * * *", "Europe/Prague").next(datetime(2026, 10, 24, 12, tzinfo=UTC)).isoformat()
'2026-10-25T00:30:00+00:00'

Why not croniter or Airflow's own: they answer differently on nights when clocks change, for the day of the month *or*
the day of the week, for ``?``, ``N/step`` and ``@every``. Here every answer is that of robfig/cron v3, the library
inside Kubernetes, its odd ones included.

Source: https://pkg.go.dev/github.com/robfig/cron/v3 and
https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

from .errors import ScheduleError, TimeZoneError
from .schedule import EverySchedule, FieldSchedule, Schedule
from .syntax import SHORTHANDS, parse
from .zones import load_zone

__all__ = [
    "SHORTHANDS",
    "EverySchedule",
    "FieldSchedule",
    "Schedule",
    "ScheduleError",
    "TimeZoneError",
    "load_zone",
    "parse",
]
