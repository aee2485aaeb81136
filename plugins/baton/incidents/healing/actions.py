"""Find cases in a cluster, and act on one: each change is one PATCH on the version that was judged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from baton.exceptions import PermanentError, TransientError
from baton.incidents.diagnostics.cluster_connection import ClusterConnection, Object
from baton.incidents.diagnostics.target import Target
from baton.incidents.diagnostics.workload import find_workload, label_selector
from baton.incidents.healing.assessment import ASK, LEAVE, RESTART, Case, assess, decide
from baton.incidents.healing.record import Record, hold_annotations, read_record, restart_annotations
from baton.incidents.healing.rules import DELETE_PODS, RESOURCES, Rule
from baton.kubernetes.job_api import NotThereError

log = logging.getLogger(__name__)

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes into the pods' template."""
_TRIES, _PAUSE_SECONDS = 10, 0.2
Named = tuple[str, str, str]
"""Namespace, kind, name."""


class NotRestartedError(PermanentError):
    """The workload must not be restarted (any more); the message says why."""


async def find_cases(cluster: ClusterConnection, rule: Rule, alerted: Named | None, now: datetime) -> list[Case]:
    """The unhealthy workloads of one rule in one namespace.

    :param alerted: the workload that the run's alert names; only it is looked at. None: all are.
    """
    cases = []
    for kind in rule.kinds:
        try:
            found = await cluster.list(RESOURCES[kind], labelSelector=rule.selector)
        except NotThereError:
            continue  # a cluster without this kind, such as the local one
        for workload in found:
            workload["kind"] = kind
            named = (cluster.namespace, kind, workload["metadata"]["name"])
            if alerted is None or named == alerted:
                pods = await cluster.list("pods", labelSelector=label_selector(workload["spec"]["selector"]))
                cases.append(assess(rule, workload, pods, now, is_alerted=named == alerted))
    return [case for case in cases if case is not None]


async def workload_of(cluster: ClusterConnection, target: Target) -> Named | None:
    """The Deployment, StatefulSet or DaemonSet that a target is or belongs to."""
    found = await find_workload(cluster, target)
    for document in found.objects:
        if document["kind"] in RESOURCES:
            return target.namespace, document["kind"], document["metadata"]["name"]
    return None


async def restart(cluster: ClusterConnection, rule: Rule, case: Case, by: str, *, is_approved: bool) -> None:
    """Restart a workload, once for each `by`, and only if the rule still allows it.

    :param by: the run and the task; a second try of it does nothing.
    :param is_approved: a person said so, which lifts the limit. Protection holds all the same.
    :raises NotRestartedError: it is protected, paused, held, or was restarted too often meanwhile.
    """

    def change(workload: Object) -> Object | None:
        record, now = read_record(workload), datetime.now(UTC)
        if record.has(by):
            return None
        _check(rule, workload, now, is_approved=is_approved)
        return _restart_body(rule, record, by, now)

    await _change(cluster, case, change)
    if rule.action == DELETE_PODS:
        for name, uid in case.pods:
            await cluster.delete(cluster.path("pods", name), uid)


class HeldError(NotRestartedError):
    """Another run asks about the workload, or did so."""


async def hold(cluster: ClusterConnection, case: Case, length: timedelta, by: str) -> None:
    """Leave a workload alone for a while.

    :param by: the run and the group of tasks that holds it: of two at once, one gets it.
    :raises HeldError: the other one has it.
    """

    def change(workload: Object) -> Object:
        record, now = read_record(workload), datetime.now(UTC)
        if record.hold_until and now < record.hold_until and record.held_by != by:
            raise HeldError(f"{case} is held by {record.held_by or 'somebody'} until {record.hold_until}")
        return {"metadata": {"annotations": hold_annotations(now + length, by)}}

    await _change(cluster, case, change)


def _check(rule: Rule, workload: Object, now: datetime, *, is_approved: bool) -> None:
    decision, why = decide(rule, workload, now)
    held = read_record(workload).hold_until
    is_only_held = decision == LEAVE and held is not None and now < held and why.startswith("a person was asked")
    if decision == RESTART or (is_approved and (decision == ASK or is_only_held)):
        return
    raise NotRestartedError(f"{workload['kind']} {workload['metadata']['name']} was not restarted: {why}")


def _restart_body(rule: Rule, record: Record, by: str, now: datetime) -> Object:
    body: Object = {"metadata": {"annotations": restart_annotations(record, by, now)}}
    if rule.action != DELETE_PODS:
        stamp = {RESTARTED_AT: now.isoformat(timespec="seconds")}
        body["spec"] = {"template": {"metadata": {"annotations": stamp}}}
    return body


async def _change(cluster: ClusterConnection, case: Case, change: Callable[[Object], Object | None]) -> None:
    """Read, assess, write: again when somebody else wrote in between.

    :raises NotRestartedError: the workload is gone.
    :raises TransientError: somebody else writes all the time.
    """
    from kubernetes_asyncio.client import ApiException

    path = cluster.path(RESOURCES[case.kind], case.name)
    for _ in range(_TRIES):
        try:
            workload: dict[str, Any] = {**await cluster.get(path), "kind": case.kind}
            body = change(workload)
            if body is None:
                return
            body["metadata"]["resourceVersion"] = workload["metadata"]["resourceVersion"]
            await cluster.patch(path, body)
            return
        except NotThereError as err:
            raise NotRestartedError(f"{case} is gone") from err
        except ApiException as err:  # a conflict, or a busy server that may have done it all the same: look again
            log.info("%s could not be changed, looking again: %s", case, err.status)
            await asyncio.sleep(_PAUSE_SECONDS)
    raise TransientError(f"{case} could not be changed in {_TRIES} attempts: somebody else changes it all the time")


def at_once(cases: Sequence[Case], most: int) -> list[Case]:
    """No more than `most` restarts in one run: when so many fall over together, something else is wrong."""
    found, restarts = [], 0
    for case in cases:
        restarts += case.decision == RESTART
        if case.decision == RESTART and restarts > most:
            words = f"more than {most} workloads are unhealthy at once"
            case = Case(case.rule, case.namespace, case.kind, case.name, ASK, case.reasons, words, case.pods)
        found.append(case)
    return found
