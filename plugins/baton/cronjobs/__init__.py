"""Kubernetes CronJobs as DAGs: their manifests, chains and schedules, and the Jobs that a task runs for them."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.cronjobs.dags import cronjob_dags as cronjob_dags
    from baton.cronjobs.dags import report_refused as report_refused
    from baton.cronjobs.job_template_operator import JobTemplateOperator as JobTemplateOperator
    from baton.cronjobs.operator import JobOperator as JobOperator
    from baton.cronjobs.templates.source import FileSource as FileSource
    from baton.cronjobs.templates.source import LiveSource as LiveSource
    from baton.cronjobs.templates.source import NamedSource as NamedSource
    from baton.cronjobs.timetable import CronJobTimetable as CronJobTimetable

_MODULES = {
    "CronJobTimetable": "timetable",
    "FileSource": "templates.source",
    "JobOperator": "operator",
    "JobTemplateOperator": "job_template_operator",
    "LiveSource": "templates.source",
    "NamedSource": "templates.source",
    "cronjob_dags": "dags",
    "report_refused": "dags",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
