"""Find unhealthy workloads, restart them, and ask a person when that does not help."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from baton.alerts.conf import AlertConf, read_conf
from baton.exceptions import PermanentError, TransientError
from baton.incidents.diagnostics.cluster_connection import open_connection
from baton.incidents.diagnostics.target import target_of
from baton.incidents.healing import actions
from baton.incidents.healing.assessment import ASK, RESTART, Case, words_of
from baton.incidents.healing.rollout_trigger import GONE, READY, RolloutTrigger
from baton.incidents.healing.rules import Rule, rule_named
from baton.kubernetes.api_streams import connection_errors

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
    from airflow.sdk import Context

KUBERNETES_CONNECTION = "kubernetes_default"
MAX_AT_ONCE = 5
"""Restarts in one run; the further workloads are a person's to judge."""
RESTART_IT, LEAVE_IT = "Restart it", "Leave it"


class NotReadyError(PermanentError):
    """A restarted workload did not become ready, or did not stay so."""


class FindUnhealthyOperator(BaseOperator):
    """Look at the workloads that the rules name, and decide for each unhealthy one.

    A run that an alert started looks only at the workload that the alert names.

    :param rules: see `baton.incidents.healing_file.read_rules`.
    :returns: the cases to restart or to ask about; none with the run's param `dry_run`. The XCom `left` has the others
        in words: what is left alone, or would be done.
    :raises TransientError: the API server does not answer.
    """

    def __init__(self, *, rules: Sequence[Rule], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rules = tuple(rules)

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Find and decide."""
        given = context["dag_run"].conf or {}
        conf = read_conf(given) if "alert" in given else None
        cases = actions.at_once(_run(_find(_hook(), self.rules, conf)), MAX_AT_ONCE)
        would = "would " if context["params"].get("dry_run") else ""
        words = [f"{case}: {would}{case.decision} ({case.why})" for case in cases]
        for text in words:
            self.log.info(text)
        chosen = [not would and case.decision in (RESTART, ASK) for case in cases]
        context["ti"].xcom_push("left", [text for text, is_chosen in zip(words, chosen, strict=True) if not is_chosen])
        return [case.as_json() for case, is_chosen in zip(cases, chosen, strict=True) if is_chosen]


async def _find(hook: AsyncKubernetesHook, rules: Sequence[Rule], conf: AlertConf | None) -> list[Case]:
    """The cases of all rules; of a workload that several rules find ill, the first rule's."""
    found: dict[actions.Named, Case] = {}
    namespaces = sorted({namespace for rule in rules for namespace in rule.namespaces})
    target = target_of(conf, namespaces) if conf else None
    for namespace in namespaces if target is None else [target.namespace]:
        async with open_connection(hook, namespace) as cluster:
            alerted = await actions.workload_of(cluster, target) if target else None
            if target is not None and alerted is None:
                return []
            for rule in rules:
                if namespace in rule.namespaces:
                    for case in await actions.find_cases(cluster, rule, alerted, datetime.now(UTC)):
                        found.setdefault((case.namespace, case.kind, case.name), case)
    return list(found.values())


class RestartWorkloadOperator(BaseOperator):
    """Restart the workload of a case, and wait until it is ready and has stayed so.

    A second try of the task finds the note of the first one and only waits.

    :param case: of `FindUnhealthyOperator`. (templated)
    :param rules: the rule is looked up by the case's name of it.
    :param answer: what a person said, as a human-in-the-loop task returns it; then the limit does not hold. (templated)
    :raises AirflowSkipException: the person said no, or nothing in time.
    :raises NotRestartedError: the workload is protected, or the rule does not allow it any more.
    :raises NotReadyError: it did not become ready in time.
    """

    template_fields = ("case", "answer")

    def __init__(self, *, case: dict[str, Any], rules: Sequence[Rule], answer: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case, self.answer, self.rules = case, answer, tuple(rules)

    def execute(self, context: Context) -> None:
        """Restart, then wait deferred."""
        case = Case(**self.case)
        rule = rule_named(self.rules, case.rule)
        if case.decision == ASK and not is_yes(self.answer):
            if self.answer is None:
                raise AirflowSkipException(f"{case} is left alone: nobody was asked in this run")
            _run(_with(_hook(), case, lambda cluster: actions.hold(cluster, case, rule.within, _holder(context))))
            raise AirflowSkipException(f"{case} is left alone for {words_of(rule.within)}, as was answered")
        by, is_approved = _identity(context), case.decision == ASK
        _run(_with(_hook(), case, lambda cluster: actions.restart(cluster, rule, case, by, is_approved=is_approved)))
        self.log.info("%s was restarted; it has %s to become ready", case, words_of(rule.ready_within))
        trigger = RolloutTrigger(
            namespace=case.namespace,
            kind=case.kind,
            name=case.name,
            deadline=time.time() + rule.ready_within.total_seconds(),
            stable_seconds=rule.stable_for.total_seconds(),
            kubernetes_conn_id=KUBERNETES_CONNECTION,
        )
        self.defer(trigger=trigger, method_name="verify")

    def verify(self, context: Context, event: str) -> str:
        """Take over from the trigger."""
        case = Case(**self.case)
        if event == READY:
            self.log.info("%s is ready", case)
            return event
        words = "is gone" if event == GONE else "did not become ready, or did not stay so"
        raise NotReadyError(f"{case} was restarted and {words}: look at its pods; the rule {case.rule} decides further")


class AskToRestartOperator(HITLOperator):
    """Ask a person whether a workload shall be restarted once more; nobody else is asked meanwhile.

    A case that needs no person is skipped: what follows has the trigger rule `none_failed`.

    :param case: of `FindUnhealthyOperator`. (templated)
    :param hours: how long the answer may take; then the workload is left alone.
    """

    template_fields = (*HITLOperator.template_fields, "case")

    def __init__(self, *, case: dict[str, Any], hours: float = 12, **kwargs: Any) -> None:
        options = [RESTART_IT, LEAVE_IT]
        length = timedelta(hours=hours)
        super().__init__(
            subject="A workload stays unhealthy", options=options, defaults=LEAVE_IT, response_timeout=length, **kwargs
        )
        self.case = case

    def execute(self, context: Context) -> Any:
        """Put the question into words, note on the workload that it is asked, and ask."""
        case, length = Case(**self.case), self.response_timeout or timedelta(0)
        if case.decision != ASK:
            raise AirflowSkipException(f"{case} is restarted without asking: {case.why}")
        self.subject = f"Restart {case} once more?"
        self.body = "\n".join(
            [f"Rule {case.rule}: {case.why}.", "", *(f"- {reason}" for reason in case.reasons[:20]), "", _CHOICE]
        )
        try:
            _run(_with(_hook(), case, lambda cluster: actions.hold(cluster, case, length, _holder(context))))
        except actions.HeldError as err:
            raise AirflowSkipException(f"not asked again: {err}") from err
        return super().execute(context)


_CHOICE = (
    f"“{RESTART_IT}” restarts it and waits until it is ready. “{LEAVE_IT}”, or no answer, leaves it alone for a while."
)


def is_yes(answer: Any) -> bool:
    """Whether a human-in-the-loop task's result says to restart."""
    return isinstance(answer, dict) and answer.get("chosen_options") == [RESTART_IT]


def _identity(context: Context) -> str:
    """What names this task of this run; the same for each of its tries."""
    instance = context["ti"]
    return f"{instance.dag_id}/{instance.run_id}/{instance.task_id}/{instance.map_index}"


def _holder(context: Context) -> str:
    """What names the question: its run and its number there, the same for the task that asks and the one that acts."""
    instance = context["ti"]
    return f"{instance.dag_id}/{instance.run_id}/{instance.map_index}"


def _hook() -> AsyncKubernetesHook:
    """The hook; the connection is read here, because asking for it blocks, and would in an event loop."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook, KubernetesHook

    extras = KubernetesHook(conn_id=KUBERNETES_CONNECTION).conn_extras
    return AsyncKubernetesHook(conn_id=KUBERNETES_CONNECTION, connection_extras=extras)


async def _with(hook: AsyncKubernetesHook, case: Case, action: Any) -> None:
    async with open_connection(hook, case.namespace) as cluster:
        await action(cluster)


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(coroutine)
    except connection_errors() as err:
        raise TransientError(f"the Kubernetes API does not answer: {type(err).__name__}") from err
