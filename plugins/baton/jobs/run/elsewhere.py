"""Steps that start something elsewhere and wait for it: Baton's operators, given values from earlier steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from baton.cronjobs.operator import JobOperator
from baton.cronjobs.templates.source import NamedSource
from baton.exceptions import PermanentError
from baton.functions.operator import InvokeFunctionOperator
from baton.jobs.expressions import evaluated, has_expression
from baton.jobs.model.job import Job
from baton.jobs.model.steps import (
    DeliverStep,
    FunctionStep,
    ReportStep,
    TemplateStep,
    WorkloadStep,
)
from baton.jobs.run.names import names_of, recalled
from baton.jobs.run.replacing import end_earlier_runs
from baton.pools import PODS
from baton.reports.operator import DeliverReportOperator
from baton.reports.recipients import read_recipients
from baton.settings import settings
from baton.workloads.operator import WorkloadOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context


class _StepOperator:
    """What these operators have in common: expressions are evaluated before, and `on_fail` counts after the last try.

    Beside an operator of Baton's as the other base, and set by `operator_of`: Airflow wraps `__init__` of operators
    alone, and one here would stand between it and them.

    :param job: the job, as its file says it.
    :param step_name: the name of the step.
    """

    job: Job
    step_name: str

    def prepare(self, names: dict[str, Any]) -> None:
        """Take over what the step's expressions give."""

    @property
    def step(self) -> Any:
        """The step, as its file says it."""
        return self.job.steps[self.job.step_names().index(self.step_name)]

    def execute(self, context: Context) -> Any:
        """Evaluate the expressions, then do what the other base does."""
        return self._reacting(context, lambda: self._begin(context))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a deferral."""

        def go_on() -> Any:
            self.prepare(self._names(context))
            return super(_StepOperator, self).resume_execution(next_method, next_kwargs, context)  # type: ignore[misc]

        return self._reacting(context, go_on)

    def _begin(self, context: Context) -> Any:
        if self.job.concurrency == "Replace" and self.step_name == self.job.step_names()[0]:
            end_earlier_runs(context)
        self.prepare(self._names(context))
        return super().execute(context)  # type: ignore[misc]

    def _names(self, context: Context) -> dict[str, Any]:
        return names_of(self.job, context) | recalled(self.job, self.step_name, context)

    def _reacting(self, context: Context, run: Any) -> Any:
        """Run, and let the step's `on_fail` decide about what no further try will mend."""
        try:
            return run()
        except AirflowSkipException:
            raise
        except Exception as err:
            task = context["ti"]
            is_last = isinstance(err, AirflowFailException | PermanentError) or task.try_number > task.max_tries
            reaction = self.step.on_fail
            if reaction.kind == "abort" or not is_last:
                raise
            words = f"{reaction.message or reaction.kind}: {err}"
            if reaction.kind == "skip":
                raise AirflowSkipException(words) from err
            self.log.warning("Step %s failed, the job goes on: %s", self.step_name, words)  # type: ignore[attr-defined]
            return None


class JobFunctionOperator(_StepOperator, InvokeFunctionOperator):
    """A `function` step."""

    def prepare(self, names: dict[str, Any]) -> None:
        """Its payload may hold expressions."""
        self.payload = evaluated(self.step.payload, names)


class JobWorkloadOperator(_StepOperator, WorkloadOperator):
    """A `workload` or a `report` step."""

    def prepare(self, names: dict[str, Any]) -> None:
        """Its words may hold expressions."""
        self.arguments = [_word(text, names) for text in words_of(self.step)]


class JobTemplateStepOperator(_StepOperator, JobOperator):
    """A `job` step."""


class JobDeliverOperator(_StepOperator, DeliverReportOperator):
    """A `deliver` step."""

    def prepare(self, names: dict[str, Any]) -> None:
        """The manifest is what the report step gave."""
        self.manifest = names[self.step.deliver]["manifest"]


def words_of(step: WorkloadStep | ReportStep) -> list[str]:
    """The command line of a step, with its expressions."""
    if isinstance(step, WorkloadStep):
        return list(step.workload)
    return ["reports", "render", step.report, "--run-key", step.key, "--hours", str(step.hours)]


def _word(text: str, names: dict[str, Any]) -> str:
    """One argument of a program. What an expression gives never becomes an option."""
    if not has_expression(text):
        return text
    word = str(evaluated(text, names))
    if word.startswith("-") and not text.startswith("-"):
        raise PermanentError(f"{text!r} gives an argument that begins with '-', which could be an option")
    return word


def operator_of(job: Job, name: str, step: Any, **options: Any) -> BaseOperator:
    """The task of a step that runs elsewhere."""
    if step.timeout:
        options["execution_timeout"] = step.timeout
    made: Any = _MAKERS[type(step)](job, step, {"task_id": name, **options})
    made.job, made.step_name = job, name
    return made  # type: ignore[no-any-return]


def _function(job: Job, step: FunctionStep, options: dict[str, Any]) -> JobFunctionOperator:
    limits: dict[str, Any] = {"timeout_seconds": step.timeout.total_seconds()} if step.timeout else {}
    how: dict[str, Any] = {"function_conn_id": step.connection, "mode": step.mode, "repeatable": step.repeatable}
    return JobFunctionOperator(function=step.function, **how, **limits, **options)


def _workload(job: Job, step: WorkloadStep, options: dict[str, Any]) -> JobWorkloadOperator:
    pool = step.pool or PODS.name
    return JobWorkloadOperator(command=[], secret_names=step.secrets, size=step.size, pool=pool, **options)


def _report(job: Job, step: ReportStep, options: dict[str, Any]) -> JobWorkloadOperator:
    pool = step.pool or PODS.name
    return JobWorkloadOperator(command=[], secret_names=["baton-report"], size="medium", pool=pool, **options)


def _template(job: Job, step: TemplateStep, options: dict[str, Any]) -> JobTemplateStepOperator:
    return JobTemplateStepOperator(source=NamedSource(step.job), pool=PODS.name, **options)


def _deliver(job: Job, step: DeliverStep, options: dict[str, Any]) -> JobDeliverOperator:
    report = next(each.report for each in job.steps if isinstance(each, ReportStep) and each.result == step.deliver)
    recipients = read_recipients(settings().data("reports", "recipients.yaml"), report)
    return JobDeliverOperator(manifest="", recipients=recipients, skip_empty=step.skip_empty, **options)


_MAKERS: dict[type[Any], Any] = {
    FunctionStep: _function,
    WorkloadStep: _workload,
    ReportStep: _report,
    TemplateStep: _template,
    DeliverStep: _deliver,
}
