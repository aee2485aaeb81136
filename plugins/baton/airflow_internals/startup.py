"""What happens when the scheduler, the triggerer or the DAG processor starts: pools are made, imports are paid once.

Airflow calls this module as a listener, before the component forks its first worker.
"""

from __future__ import annotations

import importlib
import logging
import sys
from pkgutil import resolve_name
from typing import Any

from airflow.listeners import hookimpl

from baton.pools import POOLS, Pool
from baton.settings import SettingsError, settings

log = logging.getLogger(__name__)

FOR_INCIDENTS = (
    *("baton.incidents.diagnostics_operator", "airflow.providers.amazon.aws.hooks.s3", "boto3.s3.transfer"),
    *("airflow.providers.slack.hooks.slack", "kubernetes_asyncio.stream", "jinja2", "httpx"),
)
"""What diagnostics import when they run, 0.3 s of a core in each process: evidence is gone within minutes."""

FOR_JOBS = (
    *("baton.jobs.dags", "airflow.providers.postgres.hooks.postgres", "sqlalchemy.dialects.postgresql.psycopg"),
    *("baton.notifications.mail_server", "slack_sdk.errors", "httpx"),
)
"""What a job's steps import: a job of three light steps is to end within two seconds."""

FOR_SCHEDULER = {"fair_queues": "baton.airflow_internals.fair_queues:install"}
"""Setting → what is called where the scheduler starts."""
SCHEDULER = "airflow.jobs.scheduler_job_runner"
TRIGGERER = "airflow.jobs.triggerer_job_runner"
REPLACEMENTS = {
    "careful_triggerer": ("TriggerRunnerSupervisor", "baton.airflow_internals.abandoned_triggers:CarefulSupervisor"),
    "prompt_triggerer": ("TriggerRunner", "baton.airflow_internals.prompt_triggerer:PromptTriggerRunner"),
}
"""Setting → the name in Airflow's module that is replaced, and by what. Nothing else of Airflow is."""


@hookimpl
def on_starting(component: Any) -> None:
    """Make the pools that are missing, and import what each task would otherwise import anew.

    Why import here: tasks run in forks of this process. The Kubernetes clients take 3 s to import, and a fork that
    finds them in memory starts its pod that much earlier.
    """
    if getattr(component, "__tablename__", None) != "job":
        return  # tasks call this too; only the components have a row in that table
    _refuse_wrong_settings()
    importlib.import_module("baton.workloads.operator")
    if SCHEDULER in sys.modules:  # the component itself does not know yet what it is
        for name in (*FOR_INCIDENTS, *FOR_JOBS):
            importlib.import_module(name)
    _adapt_triggerer()
    _adapt_scheduler()
    try:
        make_missing_pools()
    except Exception:
        log.exception("The pools %s could not be made: tasks that name them will wait", [pool.name for pool in POOLS])


def _refuse_wrong_settings() -> None:
    """End the component. Why not an error: Airflow logs those of listeners, and goes on."""
    try:
        settings()
    except SettingsError as err:
        raise SystemExit(f"error: {err}") from err


def _adapt_triggerer() -> None:
    """Replace what the settings say, and nothing else: whoever installs the wheel keeps Airflow's own triggerer."""
    triggerer = sys.modules.get(TRIGGERER)  # imported before it starts, in no other component
    if triggerer is None:
        return
    for setting, (name, ours) in REPLACEMENTS.items():
        if getattr(settings(), setting):
            setattr(triggerer, name, resolve_name(ours))
            log.info("Replaced Airflow's %s.%s by %s, because the setting %s is on", TRIGGERER, name, ours, setting)


def _adapt_scheduler() -> None:
    """Let the scheduler keep the shares of the queues, if the setting says so."""
    if SCHEDULER not in sys.modules:
        return
    for setting, install in FOR_SCHEDULER.items():
        if getattr(settings(), setting):
            resolve_name(install)()
            log.info("Airflow's scheduler keeps the shares of the queues, because the setting %s is on", setting)


def make_missing_pools() -> None:
    """Make each declared pool that does not exist. An existing one keeps the slots that somebody gave it."""
    from airflow.models.pool import Pool as PoolRow
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        existing = set(session.scalars(select(PoolRow.pool)))
    for pool in POOLS:
        if pool.name not in existing:
            _make(pool)


def _make(pool: Pool) -> None:
    from airflow.models.pool import Pool as PoolRow
    from sqlalchemy.exc import IntegrityError

    try:
        PoolRow.create_or_update_pool(
            name=pool.name, slots=pool.slots, description=pool.description, include_deferred=pool.include_deferred
        )
    except IntegrityError:
        log.info("Pool %s was made by another component at the same moment", pool.name)
