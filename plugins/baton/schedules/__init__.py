"""Schedules: the run key, tables of crons, a cron in words."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.schedules.cron_table import CronTable as CronTable
    from baton.schedules.cron_table import choose as choose
    from baton.schedules.run_keys import RUN_KEY as RUN_KEY
    from baton.schedules.run_keys import RUN_MOMENT as RUN_MOMENT
    from baton.schedules.run_keys import hours_since_workday as hours_since_workday
    from baton.schedules.run_keys import run_key as run_key
    from baton.schedules.run_keys import run_moment as run_moment

_MODULES = {
    "CronTable": "cron_table",
    "RUN_KEY": "run_keys",
    "RUN_MOMENT": "run_keys",
    "choose": "cron_table",
    "hours_since_workday": "run_keys",
    "run_key": "run_keys",
    "run_moment": "run_keys",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
