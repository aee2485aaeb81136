"""Whether a workload is unhealthy, and what to do about it. Functions of what the API server says and of the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from baton.incidents.healing.record import Record, read_record
from baton.incidents.healing.rules import Rule

Object = dict[str, Any]

PROTECTED = "baton.dev/protected"
"""Label of a workload that nobody but people restarts."""
FORGIVEN_AFTER = timedelta(minutes=10)
"""A container that has run for so long is restarted at once, whatever was before."""
MAX_PAUSE = timedelta(minutes=6)
"""Between two runs of a crash loop: five minutes at most, and what a busy kubelet adds."""
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


def assess(rule: Rule, workload: Object, pods: Sequence[Object], now: datetime, *, is_alerted: bool) -> Case | None:
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
        yield from _container_reasons(rule, container, now, is_done=_is_done(pod, container))
    if rule.signs.not_ready_for is not None:
        yield from _not_ready(rule.signs.not_ready_for, status, now)


def _container_reasons(rule: Rule, container: Object, now: datetime, *, is_done: bool) -> Iterable[str]:
    count, most = container.get("restartCount") or 0, rule.signs.restarts_above
    if rule.signs.crash_loop and not is_done and is_in_crash_loop(container, now):
        yield f"{container['name']} is in a crash loop{_last_end(container)}, restarted {count} times"
    last = max((str(ended["finishedAt"]) for ended in _ends(container) if ended.get("finishedAt")), default="")
    if most is not None and count > most and last and now - moment(last) <= rule.within:
        yield f"{container['name']} restarted {count} times"


def is_in_crash_loop(container: Object, now: datetime) -> bool:
    """Whether a container was restarted, has ended again and is kept from its next start.

    Why not by the reason CrashLoopBackOff alone: a kubelet (v1.36) mostly shows `terminated` during the whole pause,
    and `waiting` with that reason for a fraction of a second before the next start. A run that was long enough ends a
    crash loop: the next start comes at once. An end that is older than the longest pause is something else, such as a
    node that is gone.

    :param container: its status, of a container that is to be restarted whenever it ends.
    """
    state = container.get("state") or {}
    if (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff":
        return True
    ended = state.get("terminated") or {}
    if not ended.get("finishedAt") or not container.get("restartCount"):
        return False
    finished, started = moment(ended["finishedAt"]), moment(ended.get("startedAt") or ended["finishedAt"])
    has_run = started.year > 1970  # a container that could not be started shows the epoch
    return now - finished <= MAX_PAUSE and not (has_run and finished - started >= FORGIVEN_AFTER)


def _is_done(pod: Object, container: Object) -> bool:
    """Whether it is an init container that has done its part, and may have needed several runs for it."""
    inits = {each["name"]: each for each in (pod.get("spec") or {}).get("initContainers") or ()}
    spec = inits.get(container["name"])
    ended = (container.get("state") or {}).get("terminated") or {}
    return spec is not None and spec.get("restartPolicy") != "Always" and ended.get("exitCode") == 0


def _ends(container: Object) -> list[Object]:
    places = (container.get("state") or {}, container.get("lastState") or {})
    return [place["terminated"] for place in places if place.get("terminated")]


def _last_end(container: Object) -> str:
    ended = next(iter(_ends(container)), None)
    return f": {ended.get('reason') or 'ended'}, exit code {ended.get('exitCode')}" if ended else ""


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
