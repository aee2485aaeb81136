"""No DAG: shows in Airflow, as an import error, which manifests of include/cronjobs could not become one."""

from baton.cronjobs import report_refused
from baton.settings import settings

report_refused(settings().data("cronjobs"))
