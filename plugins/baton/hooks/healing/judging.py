"""Whether a workload is unhealthy, and what to do about it. Functions of what the API server says and of the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from baton.hooks.healing.record import Record, read_record
from baton.hooks.healing.rules import Rule

Object = dict[str, Any]

PROTECTED = "baton.dev/protected"
"""Label of a workload that nobody but people restarts."""
RESTART, ASK, LEAVE = "restart", "ask", "leave"


@dataclass(frozen=True, slots=True)
class Case:
    """One unhealthy workload, as it travels between tasks.

    :param decision: RESTART, ASK or LEAVE.
    :param reasons: what is wrong, by pod.
    :param why: of the decision.
    :param pods: names and uids of the unhealthy pods.
    """

    rule: str
    namespace: str
    kind: str
    name: str
    decision: str
    reasons: list[str]
    why: str
    pods: list[list[str]]

    def as_json(self) -> dict[str, Any]:
        """The form in which it travels."""
        return asdict(self)

    def __str__(self) -> str:
        """For people."""
        return f"{self.kind} {self.name} in namespace {self.namespace}"


def judge(rule: Rule, workload: Object, pods: Sequence[Object], now: datetime, *, is_alerted: bool) -> Case | None:
    """A case of what is wrong and what is to be done; None for a healthy workload.

    :param is_alerted: the run's alert names this workload.
    """
    ill = [(pod, reason) for pod in pods for reason in _reasons(rule, pod, now)]
    reasons = [f"{pod['metadata']['name']}: {reason}" for pod, reason in ill]
    if rule.signs.alert and is_alerted:
        reasons.append("an alert names it")
    if not reasons:
        return None
    metadata = workload["metadata"]
    decision, why = decide(rule, workload, now)
    found = {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod, _ in ill}
    names = [[name, uid] for uid, name in found.items()]
    return Case(rule.name, metadata["namespace"], workload["kind"], metadata["name"], decision, reasons, why, names)


def decide(rule: Rule, workload: Object, now: datetime) -> tuple[str, str]:
    """What is to be done with an unhealthy workload, and why."""
    record = read_record(workload)
    if is_protected(workload):
        return LEAVE, f"it has the label {PROTECTED}"
    if workload["spec"].get("paused"):
        return LEAVE, "its rollout is paused"
    if record.hold_until and now < record.hold_until:
        return LEAVE, f"a person was asked; it is left alone until {record.hold_until:%Y-%m-%d %H:%M} UTC"
    if record.last and now < record.last + rule.ready_within and not is_rolled_out(workload):
        return LEAVE, "its last restart is not finished"
    return _by_limit(rule, record, now)


def _by_limit(rule: Rule, record: Record, now: datetime) -> tuple[str, str]:
    before = record.within(rule.within, now)
    words = f"restarted {before} times in the last {words_of(rule.within)}, {rule.at_most} are allowed"
    return (RESTART if before < rule.at_most else ASK), words


def is_protected(workload: Object) -> bool:
    """Whether its label says that only people restart it."""
    labels = workload["metadata"].get("labels") or {}
    return str(labels.get(PROTECTED, "false")).lower() != "false"


def is_rolled_out(workload: Object) -> bool:
    """Whether all pods are of the latest template, and available."""
    status, spec = workload.get("status") or {}, workload["spec"]
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    if workload["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return bool(status.get("updatedNumberScheduled", 0) == wanted == status.get("numberAvailable", 0))
    wanted = spec.get("replicas", 1)
    available = status.get("availableReplicas", 0)
    return bool(status.get("updatedReplicas", 0) == wanted == available and status.get("replicas", 0) == wanted)


def words_of(length: timedelta) -> str:
    """A length of time in words."""
    seconds = int(length.total_seconds())
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return f"{number} {word}{'s' if number > 1 else ''}"
    return f"{seconds} seconds"


def _reasons(rule: Rule, pod: Object, now: datetime) -> Iterable[str]:
    if "deletionTimestamp" in pod["metadata"]:
        return
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield from _container_reasons(rule, container, now)
    if rule.signs.not_ready_for is not None:
        yield from _not_ready(rule.signs.not_ready_for, status, now)


def _container_reasons(rule: Rule, container: Object, now: datetime) -> Iterable[str]:
    waiting = (container.get("state") or {}).get("waiting") or {}
    if rule.signs.crash_loop and waiting.get("reason") == "CrashLoopBackOff":
        yield f"{container['name']} is in CrashLoopBackOff"
    count, most = container.get("restartCount") or 0, rule.signs.restarts_above
    last = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
    if most is not None and count > most and last and now - moment(last) <= rule.within:
        yield f"{container['name']} restarted {count} times"


def _not_ready(longest: timedelta, status: Object, now: datetime) -> Iterable[str]:
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    ready, scheduled = conditions.get("Ready"), conditions.get("PodScheduled")
    if not ready or not scheduled or scheduled["status"] != "True" or status.get("phase") == "Succeeded":
        return  # a pod that no node takes is not helped by a restart
    since = ready.get("lastTransitionTime")
    if ready["status"] != "True" and since and now - moment(since) >= longest:
        yield f"not ready since {since}"


def moment(text: str) -> datetime:
    """A time of Kubernetes."""
    return datetime.fromisoformat(text).astimezone(UTC)
