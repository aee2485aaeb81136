"""Run a Kubernetes Job as a CronJob would make it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from baton.airflow_internals.operators import has_post_execute
from baton.cronjobs.run.job_body import TaskRun, job_body
from baton.cronjobs.run.job_result import NONE, RESULTS, XCOM_FILE, with_result_file
from baton.cronjobs.run.job_run import FAILURE, LOST, SKIPPED, JobRequest, JobRun, Outcome
from baton.cronjobs.run.job_start import POLICIES
from baton.cronjobs.run.tick import run_job_name, tick_job_name, tick_of
from baton.cronjobs.templates.source import JobTemplate, LiveSource, Source, SourceError, template_of
from baton.cronjobs.trigger import JobTrigger
from baton.defaults import NAMESPACE
from baton.exceptions import PermanentError, TransientError
from baton.kubernetes.api_streams import connection_errors
from baton.kubernetes.job_api import JobApi, NotThereError
from kubernetes_cron import TimeZoneError, parse

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
    from airflow.sdk import Context


class JobOperator(BaseOperator):
    """Create a Job from its template, verbatim, and wait for its end.

    A scheduled run's Job has the name that the CronJob controller would give it. If it exists, it is adopted: no second
    try, no second scheduler and no controller runs a tick twice. A run by hand has a name of its own. Only a cleared
    task replaces its Job of before.

    Kubernetes keeps what is Kubernetes' (backoffLimit, podFailurePolicy, deadlines, ttl): Airflow does not try again,
    and `retries` in `default_args` do not count. With `retries` of its own, what is tried again is what is not the
    Job's failure, such as an API server that does not answer.

    :param source: where the template comes from, see `baton.cronjobs.templates.source`.
    :param namespace: where the Job runs; None takes the template's, else `BATON_NAMESPACE`.
    :param kubernetes_conn_id: Airflow's connection to the cluster.
    :param deferrable: wait in the triggerer; False holds a worker.
    :param concurrency_policy: Allow, Forbid or Replace, as a CronJob means them.
    :param starting_deadline_seconds: a tick that could not start for so long is skipped; None: it never is.
    :param schedule: the CronJob's schedule, by which a tick is superseded when the next one is due; None where the
        DAG's tick is not the CronJob's own, as for one that follows another.
    :param time_zone: the CronJob's time zone; None takes the template's, else UTC.
    :param result: `none`; `termination_message`: what the working container left there, JSON or text; `xcom_file`: the
        JSON in `/airflow/xcom/return.json`, at most 4096 bytes, for which its `terminationMessagePath` is changed.
    :raises ScheduleError, TimeZoneError: schedule or time_zone cannot be read; while the DAG is parsed.
    :returns: the result; a list of them for a Job of several completions.
    :raises AirflowFailException: the Job failed, was refused, or was deleted by somebody else.
    :raises AirflowSkipException: the tick is superseded or too late, or its Job was replaced.
    :raises TransientError: the API server does not answer, or `execution_timeout` has passed and the Job is deleted.
    """

    ends_with_its_task = True
    """What the task started is ended when its deferral is refused, see `baton.airflow_internals.refused_deferral`."""

    def __init__(
        self,
        *,
        source: Source,
        namespace: str | None = None,
        kubernetes_conn_id: str = "kubernetes_default",
        deferrable: bool = True,
        concurrency_policy: str = "Allow",
        starting_deadline_seconds: float | None = None,
        schedule: str | None = None,
        time_zone: str | None = None,
        result: str = NONE,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retries", 0)
        super().__init__(**kwargs)
        _check_choice("concurrency_policy", concurrency_policy, POLICIES)
        _check_choice("result", result, RESULTS)
        if schedule is not None:
            parse(schedule, time_zone or "UTC")  # what cannot be read is refused here and not at the first tick
        self.source = source
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id
        self.deferrable = deferrable
        self.concurrency_policy = concurrency_policy
        self.starting_deadline_seconds = starting_deadline_seconds
        self.schedule = schedule
        self.time_zone = time_zone
        self.result = result
        self._job_run: JobRun | None = None
        self._extras: dict[str, Any] = {}

    def execute(self, context: Context) -> Any:
        """Start the Job, then wait deferred, or here."""
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

        self._extras = KubernetesHook(conn_id=self.kubernetes_conn_id).conn_extras
        try:
            outcome = asyncio.run(self._start(context))
        except (PermanentError, TimeZoneError) as err:
            raise AirflowFailException(str(err)) from err
        except connection_errors() as err:
            raise TransientError(f"the Kubernetes API does not answer: {type(err).__name__}: {err}") from err
        return self._end(outcome)

    async def _start(self, context: Context) -> Outcome:
        request = self._request(context, await self._template())
        run = self._job_run = JobRun(self._hook(), request, self.log)
        if not self.deferrable:
            return await run.finish()
        if (missed := await run.start()) is not None:
            return missed
        trigger = JobTrigger(
            request=request.serialize(),
            kubernetes_conn_id=self.kubernetes_conn_id,
            uid=run.uid,
            created=run.created,
            deferred_at=time.time(),
            ends_task=not any((self.result != NONE, self.outlets, has_post_execute(self))),
        )
        return self.defer(trigger=trigger, method_name="resume_job")

    def resume_job(self, context: Context, event: dict[str, Any]) -> Any:
        """Take over from the trigger."""
        return self._end(Outcome(**event))

    def _end(self, outcome: Outcome) -> Any:
        if outcome.status == SKIPPED:
            raise AirflowSkipException(outcome.message)
        if outcome.status == FAILURE:
            raise AirflowFailException(outcome.message)
        if outcome.status == LOST:
            raise TransientError(outcome.message)
        self.log.info(outcome.message)
        return outcome.result

    def on_kill(self) -> None:
        """Delete the Job that this worker started.

        Why a thread: Airflow calls this from a signal handler, while this thread's event loop runs.
        """
        if self._job_run is not None:
            with ThreadPoolExecutor(1) as executor:
                executor.submit(asyncio.run, self._job_run.delete()).result()

    def _request(self, context: Context, template: JobTemplate) -> JobRequest:
        task_run = self._task_run(context)
        tick = tick_of(context["dag_run"])
        if self.result == XCOM_FILE:
            template = replace(template, spec=with_result_file(template.spec))
        time_zone = self.time_zone or template.time_zone
        body = job_body(
            template,
            name=_job_name(template.name, tick, task_run, map_index=context["ti"].map_index),
            namespace=self.namespace or template.namespace or NAMESPACE,
            run=task_run,
            tick=tick,
            time_zone=time_zone,
        )
        can_be_late = context["dag_run"].run_type == "scheduled" and not task_run.cleared
        return JobRequest(
            body,
            self.concurrency_policy,
            tick=tick.timestamp() if tick and can_be_late else None,
            schedule=self.schedule,
            time_zone=time_zone,
            starting_deadline_seconds=self.starting_deadline_seconds,
            result=self.result,
            deadline=time.time() + self.execution_timeout.total_seconds() if self.execution_timeout else None,
        )

    def _task_run(self, context: Context) -> TaskRun:
        """Name the task's run, and find out whether it was cleared.

        Airflow adds the tries before a clearing to `max_tries`, or, when it clears a running task, tries it once more
        than `retries` allows. There is no other trace.
        """
        instance, retries = context["ti"], self.retries or 0
        identity = f"{instance.dag_id}/{context['dag_run'].run_id}/{instance.task_id}/{instance.map_index}"
        return TaskRun(identity, max(0, (instance.max_tries or 0) - retries, instance.try_number - retries - 1))

    async def _template(self) -> JobTemplate:
        if not isinstance(self.source, LiveSource):
            return self.source.read()
        name, namespace = self.source.name, self.source.namespace
        try:
            document = await JobApi(self._hook(), namespace).read_cron_job(name)
        except NotThereError as err:
            raise SourceError(f"there is no CronJob {name} in namespace {namespace} of the cluster: {err}") from err
        return template_of(document, f"CronJob {namespace}/{name}", is_live=True)

    def _hook(self) -> AsyncKubernetesHook:
        """The hook; the connection was read before, because asking for it blocks, and would in an event loop."""
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

        return AsyncKubernetesHook(conn_id=self.kubernetes_conn_id, connection_extras=self._extras)


def _job_name(cron_job: str, tick: datetime | None, task_run: TaskRun, *, map_index: int | None) -> str:
    """Return the tick's name. A run without tick, and each part of a mapped task, has a name of its own."""
    is_whole = map_index is None or map_index < 0
    return tick_job_name(cron_job, tick) if tick and is_whole else run_job_name(cron_job, task_run.identity)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, must be one of {', '.join(choices)}")
