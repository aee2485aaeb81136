"""Registration only: shows Airflow the plugin that lies in the package `baton` next to this file.

Where the wheel is installed its entry point registers the same plugin, and this file stays silent: registered twice,
Airflow would list an import error.
"""

from importlib.metadata import entry_points

if not entry_points(group="airflow.plugins", name="baton"):
    from baton.plugin import BatonPlugin  # noqa: F401  (Airflow looks for plugin classes in this module)
