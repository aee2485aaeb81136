"""CronJob manifests become DAGs. Two lines in a DAG file do it (the word airflow must be in it, or Airflow does
not read it)::

    # Airflow DAGs of our CronJobs
    from baton.cronjobs.dags import cronjob_dags
    globals().update(cronjob_dags("/path/to/manifests"))

What cannot become a DAG is left out and logged here; two lines in a second DAG file show it as an import error
(`report_refused` says why that is a file of its own).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (  # type: ignore[attr-defined]  # Airflow imports these when they are asked for
    DAG,
    Asset,
    AsyncCallback,
    BaseOperator,
    DeadlineAlert,
    DeadlineReference,
    get_parsing_context,
)

from baton.cronjobs.chains.chain import Chain, Link
from baton.cronjobs.chains.for_each import LAST, ItemSource
from baton.cronjobs.dags_docs import chain_doc, cronjob_doc
from baton.cronjobs.loading import LoadedCronJobs, load_cronjobs
from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.manifests.files import Manifest, Problem
from baton.cronjobs.manifests.settings import Settings
from baton.cronjobs.operator import JobOperator
from baton.cronjobs.run.note import Note
from baton.cronjobs.templates.manifest_source import ManifestSource
from baton.cronjobs.timetable import CronJobTimetable
from baton.defaults import OWNER
from baton.exceptions import PermanentError
from baton.notifications.deadline import mail_missed_deadline
from baton.notifications.failure import FailureNotifier

log = logging.getLogger(__name__)

_MANY_RUNS = 100
"""With Allow and Replace the controller starts a tick however many Jobs run already; Airflow wants a number."""
_TASK = "run"


class RefusedManifestsError(PermanentError):
    """Some manifests cannot become DAGs. The message has a line for each thing to fix."""


def cronjob_dags(*folders: str | Path, **job: Any) -> dict[str, DAG]:
    """Make the DAGs of all CronJobs in some folders.

    Nothing here asks a cluster or Airflow's database for anything: the files are the whole truth.

    :param folders: folders with manifests and, perhaps, `chains.yaml`; or files.
    :param job: passed to each `JobOperator`, such as `kubernetes_conn_id` or `namespace`.
    :returns: DAGs by their id, to be put into the module's globals.
    """
    dags, problems = _make(folders, job)
    if get_parsing_context().dag_id is None:  # else they would stand in the log of every task
        for problem in problems:
            log.error("%s", problem)
    return dags


def report_refused(*folders: str | Path, **job: Any) -> None:
    """Fail the DAG file that calls this if `cronjob_dags` leaves anything out.

    Why in a file of its own: Airflow takes every DAG of a file with an import error out of service.

    :raises RefusedManifestsError: file, line, field and reason of everything that has to be fixed.
    """
    _, problems = _make(folders, job)
    if problems:
        raise RefusedManifestsError("\n".join(["", *map(str, problems)]))


def _make(folders: Iterable[str | Path], job: Mapping[str, Any]) -> tuple[dict[str, DAG], list[Problem]]:
    loaded = load_cronjobs([Path(folder).absolute() for folder in folders])
    problems = list(loaded.problems)
    dags = {}
    wanted = get_parsing_context().dag_id  # a task's process needs its own DAG only
    for dag_id, manifest, make in _plans(loaded, job):
        if wanted not in (None, dag_id):
            continue
        try:
            dags[dag_id] = make()
        except Exception as err:  # whatever it is, it must not hide the others
            problems.append(manifest.problem((), f"no DAG {dag_id}: {type(err).__name__}: {err}"))
    return dags, problems


_Plan = tuple[str, Manifest, Callable[[], DAG]]


def _plans(loaded: LoadedCronJobs, job: Mapping[str, Any]) -> Iterator[_Plan]:
    """Yield what DAGs there will be: one for each chain of tasks, one for each other CronJob."""
    cronjobs = loaded.cronjobs
    followers: dict[str, tuple[Link, str]] = {}
    in_tasks: set[str] = set()
    for chain in loaded.chains:
        if chain.handover == "tasks":
            in_tasks |= set(chain.links)
            yield chain.name, cronjobs[chain.roots[0]].manifest, partial(_chain_dag, chain, cronjobs, job)
        else:
            followers |= {key: (link, chain.name) for key, link in chain.links.items()}
    for key, cronjob in cronjobs.items():
        if key not in in_tasks:
            link, name = followers.get(key, (Link(key), ""))
            yield key, cronjob.manifest, partial(_cronjob_dag, cronjob, link, name, job)


def asset_of(key: str) -> Asset:
    """The asset that a CronJob's success announces: what follows it across DAGs is scheduled on it."""
    return Asset(f"cronjob/{key}")


def _cronjob_dag(cronjob: CronJob, link: Link, chain: str, job: Mapping[str, Any]) -> DAG:
    schedule = [asset_of(before) for before in link.after] or _timetable(cronjob)
    doc = cronjob_doc(cronjob, link)
    with _dag(cronjob.key, schedule, [cronjob], doc) as dag:
        _tasks(cronjob, link, chain, dict(job), task_id=_TASK)
    return dag


def _chain_dag(chain: Chain, cronjobs: Mapping[str, CronJob], job: Mapping[str, Any]) -> DAG:
    members = [cronjobs[key] for key in chain.links]
    root = cronjobs[chain.roots[0]]
    with _dag(chain.name, _timetable(root), members, chain_doc(chain, cronjobs)) as dag:
        made: dict[str, _Step] = {}
        for key, link in chain.links.items():
            made[key] = _tasks(cronjobs[key], link, chain.name, dict(job), task_id=key)
            for before in link.after:
                made[before].last.set_downstream(made[key].first)
        if any(link.when == "always" for link in chain.links.values()):
            # Airflow takes a run's state from its last tasks alone: one that always runs would hide what failed.
            end = EmptyOperator(task_id="all_succeeded")
            end.set_upstream([step.last for step in made.values()])
    return dag


class _Step(NamedTuple):
    """The tasks of one CronJob: one Job, or one for each item and then one task that has waited for all of them."""

    first: list[BaseOperator]
    last: BaseOperator


def _timetable(cronjob: CronJob) -> CronJobTimetable | None:
    """When the clock starts it; a suspended one runs by hand only."""
    if cronjob.is_suspended:
        return None
    return CronJobTimetable(cronjob.schedule, cronjob.time_zone, cronjob.starting_deadline_seconds)


def _dag(dag_id: str, schedule: Any, members: list[CronJob], doc: str) -> DAG:
    """The DAG around one or more CronJobs; its settings are those of the first that has any."""
    forbids = any(member.concurrency_policy == "Forbid" for member in members)
    deadline = next((member.settings.deadline for member in members if member.settings.deadline), None)
    return DAG(
        dag_id,
        schedule=schedule,
        catchup=False,
        auto_register=False,  # `report_refused` makes DAGs only to see whether they can be made
        is_paused_upon_creation=True,  # the CronJob in the cluster still runs
        max_active_runs=1 if forbids else _MANY_RUNS,
        default_args={"owner": next((member.settings.owner for member in members if member.settings.owner), OWNER)},
        deadline=None if deadline is None else _deadline_alert(deadline),
        tags=sorted({"cronjob", *(tag for member in members for tag in member.settings.tags)}),
        doc_md=doc,
    )


def _deadline_alert(interval: Any) -> DeadlineAlert:
    words = {"limit": f"{interval} after it was queued"}
    callback = AsyncCallback(mail_missed_deadline, kwargs=words)
    return DeadlineAlert(reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=interval, callback=callback)


def _tasks(cronjob: CronJob, link: Link, chain: str, job: dict[str, Any], *, task_id: str) -> _Step:
    """Make one task, or one for each item."""
    source = ManifestSource(cronjob.manifest.file, cronjob.name, cronjob.manifest.namespace)
    if not link.after:
        job |= {
            "schedule": cronjob.schedule,
            "time_zone": cronjob.time_zone,
            "starting_deadline_seconds": cronjob.starting_deadline_seconds,
        }
    common: dict[str, Any] = {
        "concurrency_policy": cronjob.concurrency_policy,
        # Not all_done: what a superseded tick skips is skipped to the end.
        "trigger_rule": "none_skipped" if link.when == "always" else "all_success",
        "doc_json": Note(cronjob.key, cronjob.schedule, cronjob.time_zone, link.after, chain).text(),
        **_added(cronjob.settings),
        **job,
    }
    announced = [asset_of(cronjob.key)]
    if not link.for_each:
        task = JobOperator(task_id=task_id, source=source, outlets=announced, **common)
        return _Step([task], task)
    # Several items are one CronJob to Kubernetes: they would block or replace one another.
    common |= {"concurrency_policy": "Allow"}
    items = [ItemSource(source, link.variable, value) for value in link.for_each]
    tasks: list[BaseOperator] = [
        JobOperator(task_id=f"{task_id}.{item.slug}", source=item, **common)  # type: ignore[arg-type]  # it has read()
        for item in items
    ]
    done = EmptyOperator(task_id=f"{task_id}.{LAST}", outlets=announced)
    done.set_upstream(tasks)
    return _Step(tasks, done)


def _added(settings: Settings) -> dict[str, Any]:
    """The settings as arguments of a task."""
    added: dict[str, Any] = {"on_failure_callback": _notifier(settings.notifier)}
    if settings.pool:
        added["pool"] = settings.pool
    if settings.owner:
        added["owner"] = settings.owner
    return added


def _notifier(name: str | None) -> Any:
    if name is None or name == "none":
        return None
    if name == "mail":
        return FailureNotifier()
    if name.startswith("slack:"):
        from airflow.providers.slack.notifications.slack import SlackNotifier

        text = "{{ ti.dag_id }}.{{ ti.task_id }} failed: {{ ti.log_url }}"
        return SlackNotifier(channel=name.removeprefix("slack:"), text=text)
    module, _, attribute = name.rpartition(".")
    notifier = getattr(import_module(module), attribute)
    if not isinstance(notifier, type):
        raise TypeError(f"{name} is no class of notifiers")
    return notifier()
