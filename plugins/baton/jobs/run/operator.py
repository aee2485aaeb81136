"""The task that runs steps of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from baton.exceptions import BatonError, PermanentError
from baton.jobs.model.job import Job
from baton.jobs.run.execution import Execution, JobEndedError, LaterError
from baton.jobs.run.names import names_of, recalled
from baton.jobs.run.replacing import end_earlier_runs
from baton.jobs.run.results import Results
from baton.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

LOST_WORKERS = 3
"""How often a task goes on elsewhere after its worker was lost; no step's own tries."""


class JobStepsOperator(BaseOperator):
    """Run consecutive steps of a job, which need no pod, in one task.

    Why one task and not one for each: a task costs a process and half a second or more until it runs, a step some
    milliseconds. Steps that are done stand in the task's state store, so that the next try goes on behind them.

    :param job: the job, as its file says it.
    :param steps: names of the steps, in order.
    :returns: name of a step → where its value is, or the value where it is no data.
    :raises AirflowSkipException: a step has ended the job.
    :raises AirflowFailException: a step failed, and with it the job.
    :raises LaterError: a step is tried again after a longer wait.
    """

    def __init__(self, *, job: Job, steps: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self.job = job
        self.steps = list(steps)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run what is not done yet; returns what later tasks find the values by."""
        if self.job.concurrency == "Replace" and self.steps[0] == self.job.step_names()[0]:
            end_earlier_runs(context)
        run = context["dag_run"]
        by_name = dict(zip(self.job.step_names(), self.job.steps, strict=True))
        execution = Execution(
            job=self.job,
            store=context["task_state_store"],
            results=Results.of_run(settings().jobs_uri, run.dag_id, run.run_id),
            names=names_of(self.job, context) | recalled(self.job, self.steps[0], context),
            key=f"{run.dag_id}/{run.run_id}",
            seconds=self.job.timeout.total_seconds(),
        )
        try:
            return execution.run([(name, by_name[name]) for name in self.steps])
        except JobEndedError as end:
            raise AirflowSkipException(str(end)) from end
        except LaterError:
            raise
        except BatonError as err:
            raise AirflowFailException(str(err)) from err


@dataclass
class WaitAsTheJobSays(RetryPolicy):
    """Airflow's next try comes when the job's `retry_delays` say so."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Wait as long as the step has to."""
        if isinstance(exception, LaterError):
            return RetryDecision.retry(timedelta(seconds=exception.seconds), str(exception)[:200])
        if isinstance(exception, AirflowTaskTimeout):
            return RetryDecision.fail("the job's timeout is over")
        return RetryDecision.default()  # of no step: Airflow's API was away, say; what is done is not done again


@dataclass
class WaitInTurn(RetryPolicy):
    """For a task of its own: what is permanent fails, anything else waits as the job says.

    :param waits: seconds before each further try.
    :param doubles: each wait is twice the one before.
    """

    waits: tuple[float, ...]
    doubles: bool

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Fail what is permanent, else wait."""
        if isinstance(exception, PermanentError):
            return RetryDecision.fail("a permanent error")
        if not self.waits:
            return RetryDecision.default()
        seconds = self.waits[min(try_number, len(self.waits)) - 1]
        return RetryDecision.retry(timedelta(seconds=seconds * (2 ** (try_number - 1) if self.doubles else 1)))
