"""No DAG: shows in Airflow, as an import error, which manifests of include/cronjobs could not become one."""

from pathlib import Path

from baton.cronjobs.dags import report_refused

report_refused(Path(__file__).parents[2] / "include" / "cronjobs")
