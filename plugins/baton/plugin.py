"""The plugin class: what Baton adds to Airflow. Both `plugins/baton_plugin.py` and the wheel's entry point name it."""

from airflow.plugins_manager import AirflowPlugin

from baton import run_key


class BatonPlugin(AirflowPlugin):
    """Adds the macro `macros.baton.run_key` and the listener that makes the declared pools."""

    name = "baton"
    macros = [run_key.run_key]  # noqa: RUF012  (Airflow reads a plain class attribute)
