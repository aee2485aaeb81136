"""Run a Kubernetes Job as a CronJob would make it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from baton.defaults import NAMESPACE
from baton.exceptions import TransientError
from baton.hooks.job_run import JobRequest, JobRun
from baton.jobs.job_body import job_body
from baton.jobs.source import JobTemplate, LiveSource, Source
from baton.jobs.tick import run_job_name, tick_job_name, tick_of
from baton.triggers.job import JobTrigger

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
    from airflow.sdk import Context


class JobOperator(BaseOperator):
    """Create a Job from its template, verbatim, and wait for its end.

    :param source: where the template comes from, see `baton.jobs.source`.
    :param namespace: where the Job runs; None takes the template's, else `BATON_NAMESPACE`.
    :param kubernetes_conn_id: Airflow's connection to the cluster.
    :param deferrable: wait in the triggerer; False holds a worker.
    :param concurrency_policy: Allow, Forbid or Replace, as a CronJob means them.
    :param starting_deadline_seconds: a tick that could not start for so long is skipped; None: it never is.
    :param schedule: the CronJob's schedule, to tell a superseded tick; None where the run's tick is not its own.
    :param time_zone: the CronJob's time zone, None means UTC.
    :param result: none, termination_message or xcom_file.
    """

    def __init__(
        self,
        *,
        source: Source,
        namespace: str | None = None,
        kubernetes_conn_id: str = "kubernetes_default",
        deferrable: bool = True,
        concurrency_policy: str = "Allow",
        starting_deadline_seconds: int | None = None,
        schedule: str | None = None,
        time_zone: str | None = None,
        result: str = "none",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retries", 0)  # Kubernetes tries again, as backoffLimit says
        super().__init__(**kwargs)
        self.source = source
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id
        self.deferrable = deferrable
        self.concurrency_policy = concurrency_policy
        self.starting_deadline_seconds = starting_deadline_seconds
        self.schedule = schedule
        self.time_zone = time_zone
        self.result = result
        self._run: JobRun | None = None

    def execute(self, context: Context) -> Any:
        """Start the Job, then wait deferred, or here."""
        request = self._request(context)
        self._run = JobRun(self._hook(), request, self.log)
        if not self.deferrable:
            return self.resume_job(context, asyncio.run(self._start_and_follow(self._run)))
        asyncio.run(self._run.start())
        trigger = JobTrigger(request=request.serialize(), kubernetes_conn_id=self.kubernetes_conn_id, uid=self._run.uid)
        self.defer(trigger=trigger, method_name="resume_job")

    async def _start_and_follow(self, run: JobRun) -> dict[str, Any]:
        await run.start()
        outcome = await run.follow()
        return {"status": outcome.status, "message": outcome.message}

    def resume_job(self, context: Context, event: dict[str, Any]) -> Any:
        """Take over from the trigger."""
        status, message = event["status"], event["message"]
        if status == "skipped":
            raise AirflowSkipException(message)
        if status == "failed":
            raise AirflowFailException(message)
        if status != "success":
            raise TransientError(message)
        self.log.info(message)
        return None

    def on_kill(self) -> None:
        """Delete the Job that this worker started."""
        if self._run is not None:
            asyncio.run(self._run.delete())

    def _request(self, context: Context) -> JobRequest:
        run = context["dag_run"]
        instance = context["ti"]
        template = self._template()
        tick = tick_of(run)
        identity = f"{instance.dag_id}/{run.run_id}/{instance.task_id}/{instance.map_index}"
        name = tick_job_name(template.name, tick) if tick else run_job_name(template.name, identity)
        namespace = self.namespace or template.namespace or NAMESPACE
        body = job_body(template, name=name, namespace=namespace, run=identity, tick=tick, time_zone=self.time_zone)
        return JobRequest(body, self.concurrency_policy)

    def _template(self) -> JobTemplate:
        if isinstance(self.source, LiveSource):
            raise NotImplementedError
        return self.source.read()

    def _hook(self) -> AsyncKubernetesHook:
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook, KubernetesHook

        extras = KubernetesHook(conn_id=self.kubernetes_conn_id).conn_extras
        return AsyncKubernetesHook(conn_id=self.kubernetes_conn_id, connection_extras=extras)
