"""The plugin class: what Baton adds to Airflow. Both `plugins/baton_plugin.py` and the wheel's entry point name it."""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from baton.airflow_internals import refused_deferral, startup
from baton.cronjobs.timetable import CronJobTimetable
from baton.jobs.api.timetable import RescheduledTimetable
from baton.jobs.timetable import EveryTimetable, OnceTimetable
from baton.reports.market_close_timetable import MarketCloseTimetable
from baton.schedules.run_keys import hours_since_workday, run_key, run_moment


class BatonPlugin(AirflowPlugin):
    """Adds macros on a run, the timetables, and what happens when a component starts."""

    name = "baton"
    macros = [run_key, run_moment, hours_since_workday]  # noqa: RUF012  (Airflow reads plain class attributes)
    listeners = [startup, refused_deferral]  # noqa: RUF012
    timetables = [CronJobTimetable, EveryTimetable, MarketCloseTimetable, OnceTimetable, RescheduledTimetable]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        # Relative: Airflow may be served below a path of its own.
        {"name": "CronJob chains", "href": "baton/chains/", "url_route": "cronjob-chains", "category": "browse"},
        {"name": "Alerts", "href": "baton/alerts/", "url_route": "alerts", "category": "browse"},
        {"name": "Baton jobs", "href": "baton/jobs/", "url_route": "baton-jobs", "category": "browse"},
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow names a class attribute
        """Pages and routes. Built when they are asked for, which only the API server does: the imports cost seconds."""
        from baton.alerts import receiver
        from baton.alerts.page import app as alerts_app
        from baton.cronjobs.page import app as chains_app
        from baton.functions.callbacks_app import make_airflow_app
        from baton.jobs.api import app as jobs_api
        from baton.jobs.page import app as jobs_page

        return [
            {"app": chains_app.make_app(), "url_prefix": "/baton/chains", "name": "Baton: CronJob chains"},
            {"app": alerts_app.make_app(), "url_prefix": "/baton/alerts", "name": "Baton: alerts"},
            {"app": make_airflow_app(), "url_prefix": "/baton/functions", "name": "Baton: callbacks of functions"},
            {"app": jobs_page.make_app(), "url_prefix": jobs_page.PREFIX, "name": "Baton: jobs page"},
            {"app": jobs_api.make_app(), "url_prefix": jobs_api.PREFIX, "name": jobs_api.TITLE},
            {"app": receiver.make_app(), "url_prefix": "/alerts", "name": "Baton: alert receiver"},
        ]
