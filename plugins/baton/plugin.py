"""The plugin class: what Baton adds to Airflow. Both `plugins/baton_plugin.py` and the wheel's entry point name it."""

from airflow.plugins_manager import AirflowPlugin

from baton import startup
from baton.run_key import run_key


class BatonPlugin(AirflowPlugin):
    """Adds the macro `macros.baton.run_key` and what happens when a component starts."""

    name = "baton"
    macros = [run_key]  # noqa: RUF012  (Airflow reads plain class attributes)
    listeners = [startup]  # noqa: RUF012
