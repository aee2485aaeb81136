"""No DAG: shows in Airflow, as an import error, which job files of include/jobs could not become one."""

from baton.jobs import report_refused
from baton.settings import settings

report_refused(settings().data("jobs"))
