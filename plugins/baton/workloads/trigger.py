"""Wait for a pod without holding a worker, and hand over the moment it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from baton.airflow_internals.pods import ContainerState, OnKillAction, PodPhase, detect_pod_terminate_early_issues
from baton.airflow_internals.xcom import push_result
from baton.exceptions import BatonError
from baton.kubernetes.api_streams import ConnectionRetries, connection_errors
from baton.kubernetes.cancellation import ended, shielded
from baton.kubernetes.job_api import JobApi
from baton.kubernetes.pod_log import log_lines
from baton.kubernetes.pod_problem import problem
from baton.kubernetes.pod_result import read_result
from baton.kubernetes.pod_states import pod_states

LOG_END_SECONDS = 5
"""How long the log's last lines may come after the container's end."""
EVENTS_SECONDS = 10
"""How long the events about a pod that did not start may take."""
LOGS_WRITTEN = "logs_written"
"""Key in the event: the task's log holds the whole log of the container already."""

SETTLE_SECONDS = 4
"""The youngest age of a deferral at which its task is resumed."""

MAY_HOLD_CREDENTIALS = ("config_dict", "connection_extras")
"""Arguments of the stock trigger that are never stored."""

Outcome = tuple[str, str]
"""Status (success, failed, timeout, error) and message of the event."""


class WorkloadTrigger(KubernetesPodTrigger):
    """Watch a pod to its end, and write its log into the task's log as it comes.

    Why not the stock trigger: it looks at the pod every `poll_interval`, opens a connection for each look, and shows
    no log line before the pod has ended unless the task goes back to a worker for it. A triggerer that takes over from
    a killed one writes the log again from its first line: twice is better than not at all.

    No credential is stored with it: the stock trigger keeps a whole kubeconfig and the connection's extras among its
    arguments. Here a triggerer reads them where they are: Airflow's connection, the file.

    :param ends_task: on success read the result and end the task here, without a worker: one process start less
        between two pods. Not possible where a worker has something to do afterwards.
    :param config_file: path of a kubeconfig that the triggerer can read, instead of the connection.
    """

    def __init__(self, *, ends_task: bool = False, config_file: str | None = None, **stock: Any) -> None:
        if config_file is not None:
            stock["connection_extras"] = {"kube_config_path": config_file}
        super().__init__(**stock)
        self.ends_task = ends_task
        self.config_file = config_file
        self._pod: dict[str, Any] | None = None
        self._told = ""
        self._has_started = False
        self._ended = asyncio.Event()
        self._log_task: asyncio.Task[None] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to take over."""
        _, kwargs = super().serialize()
        stored = {name: value for name, value in kwargs.items() if name not in MAY_HOLD_CREDENTIALS}
        own = {"ends_task": self.ends_task, "config_file": self.config_file}
        return f"{type(self).__module__}.{type(self).__qualname__}", {**stored, **own}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event when the base container has ended, or when something else ended the wait."""
        logs_written = False
        try:
            status, message = await self._wait_within_deadline()
            logs_written = await self._is_log_written()
        except (BatonError, *connection_errors()) as err:  # type: ignore[misc]
            status, message = "error", f"{type(err).__name__}: {err}"
        finally:
            if self._log_task:
                self._log_task.cancel()
        self._fired_event = True  # from here on the operator ends the pod, not on_kill
        if status == "success" and self.ends_task and (logs_written or not self.get_logs):
            with suppress(ValueError, *connection_errors()):  # a worker tries again then, and reports what is wrong
                yield await self._success()
                return
        await self._let_first_half_settle()
        yield self._event(status, message, logs_written=logs_written)

    async def on_kill(self) -> None:
        """Delete the pod: somebody cleared the task or marked it."""
        if not self._fired_event:
            await shielded(self.end())

    async def end(self) -> None:
        """Delete the pod, unless the operator says that it stays."""
        if self.on_kill_action == OnKillAction.KEEP_POD:
            return
        self.log.info("Deleting pod %s/%s", self.pod_namespace, self.pod_name)
        retries = ConnectionRetries()
        while True:
            try:
                await self.hook.delete_pod(self.pod_name, self.pod_namespace, self.termination_grace_period)
                return
            except connection_errors() as err:
                await retries.pause_or_raise(err)

    async def _success(self) -> TriggerEvent:
        """Store the result, delete the pod and build the event that ends the task here and now."""
        result = await read_result(self.hook, self.pod_name, self.pod_namespace)
        if result is not None:
            if self.task_instance is None:
                raise ValueError("the trigger belongs to no task instance")
            await push_result(self.task_instance, result)
        await self.hook.delete_pod(self.pod_name, self.pod_namespace, self.termination_grace_period)
        return TaskSuccessEvent()

    async def _let_first_half_settle(self) -> None:
        """Resume no task in the first moments after its deferral.

        Why: the scheduler fails a task ("state mismatch") when it is queued again before the executor has reported the
        end of its first half, which takes up to `[workers] min_heartbeat_interval` and a scheduler loop.
        Source: `process_executor_events` in airflow/jobs/scheduler_job_runner.py.
        """
        age = (datetime.now(UTC) - self.trigger_start_time).total_seconds()
        await asyncio.sleep(max(0.0, SETTLE_SECONDS - age))

    def _event(self, status: str, message: str, *, logs_written: bool) -> TriggerEvent:
        """Build the event; `WorkloadOperator.trigger_reentry` reads it."""
        pod = {"name": self.pod_name, "namespace": self.pod_namespace}
        return TriggerEvent(  # type: ignore[no-untyped-call]
            {**pod, "status": status, "message": message, LOGS_WRITTEN: logs_written, **self.trigger_kwargs}
        )

    async def _wait_within_deadline(self) -> Outcome:
        deadline = self.trigger_kwargs.get("_execution_deadline")  # set by the operator: seconds since the epoch
        try:
            async with asyncio.timeout(None if deadline is None else deadline - time.time()) as limit:
                return await self._wait()
        except TimeoutError:
            if not limit.expired():
                raise
            why = "the task's execution_timeout has passed"
            return "timeout", why if self._has_started else f"{why}, and {await self._why_not_started()}"

    async def _wait(self) -> Outcome:
        try:
            async with asyncio.timeout(self.schedule_timeout) as limit:
                return await self._watch(limit)
        except TimeoutError:
            if not limit.expired():
                raise
            return "timeout", await self._why_not_started()

    async def _why_not_started(self) -> str:
        """Ask the pod, then its events. Whoever reads the message cannot: the pod is deleted."""
        found = ""
        with suppress(BatonError, *connection_errors()):  # an account that may not list events
            async with asyncio.timeout(EVENTS_SECONDS):
                found = await self._problem_with_events()
        return f"the pod did not start: {found or problem(self._pod or {}) or 'the cluster gives no reason'}"

    async def _problem_with_events(self) -> str:
        if self._pod is None:
            return ""
        events = await JobApi(self.hook, self.pod_namespace).events(self._pod["metadata"]["uid"])
        return problem(self._pod, events)

    def _tell_problem(self) -> None:
        """Write into the log what keeps the pod from starting, each thing once."""
        found = problem(self._pod or {})
        if found and found != self._told:
            self.log.warning("The pod has not started yet: %s", found)
        self._told = found

    async def _watch(self, start_limit: asyncio.Timeout) -> Outcome:
        is_scheduled = False
        async with aclosing(pod_states(self.hook, self.pod_name, self.pod_namespace)) as pods:
            async for pod, self._pod in pods:
                if pod.status.phase not in (PodPhase.PENDING, PodPhase.UNKNOWN):
                    start_limit.reschedule(None)
                    self._has_started = True
                    self._start_log()
                    if outcome := self._outcome(pod):
                        return outcome
                    continue
                self._tell_problem()
                if issue := detect_pod_terminate_early_issues(pod):
                    return "failed", issue
                if _is_scheduled(pod) and not is_scheduled:
                    is_scheduled = True
                    start_limit.reschedule(asyncio.get_running_loop().time() + self.startup_timeout)
        raise RuntimeError("a pod's states end only with an error")

    def _outcome(self, pod: Any) -> Outcome | None:
        state = self.define_pod_container_state(pod)
        if state == ContainerState.TERMINATED:
            return "success", "the container ended with exit code 0"
        return ("failed", "the container failed") if state == ContainerState.FAILED else None

    def _start_log(self) -> None:
        if self.get_logs and not self._log_task:
            self._log_task = asyncio.create_task(self._write_log())

    async def _write_log(self) -> None:
        container = self.base_container_name
        log = log_lines(self.hook, self.pod_name, self.pod_namespace, container, self._ended)
        async with aclosing(log) as lines:
            async for line in lines:
                self.log.info("[%s] %s", container, line)

    async def _is_log_written(self) -> bool:
        """Wait for the log's end. Where it does not come the worker reads the log again, from its first line."""
        if not self._log_task:
            return False
        self._ended.set()
        done, _ = await asyncio.wait([self._log_task], timeout=LOG_END_SECONDS)
        if done and (err := self._log_task.exception()) is not None:
            self.log.warning("The log of container %s could not be read to its end: %s", self.base_container_name, err)
            return False
        return bool(done)


class WorkloadEnding(WorkloadTrigger):
    """Delete the pod of a trigger that nobody runs any more, see `baton.airflow_internals.abandoned_triggers`."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire one event when it is deleted."""
        yield await ended(self.end())


def _is_scheduled(pod: Any) -> bool:
    conditions = pod.status.conditions or []
    return any(condition.type == "PodScheduled" and condition.status == "True" for condition in conditions)
