"""The plugin class: what Baton adds to Airflow. Both `plugins/baton_plugin.py` and the wheel's entry point name it."""

from airflow.plugins_manager import AirflowPlugin

from baton import startup
from baton.run_key import run_key
from baton.timetables.cronjob import CronJobTimetable


class BatonPlugin(AirflowPlugin):
    """Adds the macro `macros.baton.run_key`, the timetable of CronJobs and what happens when a component starts."""

    name = "baton"
    macros = [run_key]  # noqa: RUF012  (Airflow reads plain class attributes)
    listeners = [startup]  # noqa: RUF012
    timetables = [CronJobTimetable]  # noqa: RUF012
