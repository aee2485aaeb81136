"""The life of an object as a list of rows, recorded or seen, and what two of them have in common.

A row is one event of a watch: the seconds, and what changed since the row before, as ``kubelet-v1.36.2.json`` has it.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]
Facts = dict[str, Any]
QUICK_SECONDS = 1.0
_LONGEST = 3000
_PARTS = {"initContainerStatuses": "init", "containerStatuses": "container", "ephemeralContainerStatuses": "ephemeral"}
_ADDRESS = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CONTAINER_ID = re.compile(r"\b[0-9a-f]{64}\b")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?")
_LISTED_TIME = re.compile(r"[A-Z][a-z]{2} +\d+ \d\d:\d\d")
_GENERATED = re.compile(r"\b(job-[a-z0-9-]+?(?:-\d)?)-[a-z0-9]{5}\b")
_NO_CONTAINERS = ("phase", "reason", "grace", "object")
_COUNTERS = ("succeeded", "failed", "completedIndexes", "failedIndexes")
_IMAGE_WAITS = ("ErrImagePull", "ImagePullBackOff")


def normal(text: str) -> str:
    """A text without what differs from run to run: uids, addresses, times, the ends of generated names."""
    for pattern, word in (
        (_UID, "UID"), (_CONTAINER_ID, "CONTAINERID"), (_MOMENT, "TIME"), (_LISTED_TIME, "TIME"), (_ADDRESS, "IP"),
    ):  # fmt: skip
        text = pattern.sub(word, text)
    text = re.sub(r"(containerd|local)://[\w-]+", "RUNTIME://ID", text)
    return re.sub(r"\bsh: \d+: ", "sh: ", text)


def generated(text: str, jobs: Iterable[str]) -> str:
    """A text in which the pods of these Jobs have no random ends."""
    for job in jobs:
        text = re.sub(rf"\b{re.escape(job)}(-\d)?-[a-z0-9]{{5}}(?![a-z0-9])", rf"{job}\1-RANDOM", text)
    return text


def facts(obj: Object) -> Facts:
    """A pod or Job as the recording's rows name its fields."""
    metadata, status, spec = obj["metadata"], obj.get("status") or {}, obj.get("spec") or {}
    known: Facts = {
        "deletionTimestamp": "set" if metadata.get("deletionTimestamp") else None,
        "deletionGracePeriodSeconds": metadata.get("deletionGracePeriodSeconds"),
        "finalizers": metadata.get("finalizers"),
    }
    for condition in status.get("conditions") or []:
        words = [condition["status"], condition.get("reason") or None, condition.get("message") or None]
        known[f"condition.{condition['type']}"] = words
    if obj["kind"] == "Job":
        names = ("active", "ready", "terminating", "succeeded", "failed", "completedIndexes", "failedIndexes")
        return known | {name: status.get(name) for name in names} | {"suspend": spec.get("suspend")}
    known |= {name: status.get(name) for name in ("phase", "reason", "message", "qosClass")}
    known["nodeName"] = spec.get("nodeName")
    for part, word in _PARTS.items():
        for entry in status.get(part) or []:
            known[f"{word}.{entry['name']}.state"] = _state(entry["state"])
            for name in ("restartCount", "ready"):
                known[f"{word}.{entry['name']}.{name}"] = entry[name]
    return known


def _state(state: Object) -> Object:
    [(word, told)] = state.items() if state else [("waiting", {"reason": "none"})]
    kept = {name: told[name] for name in ("reason", "message", "exitCode", "signal") if name in told}
    return {word: kept}


def changes(before: Facts, after: Facts) -> Facts:
    """What differs, ``None`` for what is gone."""
    return {name: after.get(name) for name in {**after, **before} if before.get(name) != after.get(name)}


class Story:
    """What happened to one object: each row is (seconds, ADDED, MODIFIED or DELETED, changes)."""

    def __init__(self, kind: str, rows: list[tuple[float, str, Facts]] | None = None) -> None:
        self.kind = kind
        self.rows = rows if rows is not None else []

    def states(self, quick: frozenset[str] = frozenset()) -> list[str]:
        """Phases and the containers' states in their order, without what is chance.

        Left out: that a container ran which ended within a second (a watcher may never see it), a wait in
        CrashLoopBackOff (a kubelet shows it for a moment or for the whole pause), repeated failures to get an image.

        :param quick: containers for which that counts, as far as the other story tells.
        """
        words = list(self._words())
        return _without_chance(words, quick | self.quick())

    def quick(self) -> frozenset[str]:
        """The containers of which a run ended within a second."""
        words, found = list(self._words()), set()
        for position, (seconds, who, what) in enumerate(words):
            after = next((word for word in words[position + 1 :] if word[1] == who), None)
            if what == "runs" and after is not None and after[0] - seconds <= QUICK_SECONDS:
                found.add(who)
        for _, _, changed in self.rows:
            for name, value in changed.items():
                if (
                    name.endswith(".state")
                    and ((value or {}).get("terminated") or {}).get("seconds", 9) <= QUICK_SECONDS
                ):
                    found.add(_who(name))
        return frozenset(found)

    def counts(self) -> Facts:
        """A Job's last counters."""
        last: Facts = {}
        for _, _, changed in self.rows:
            last |= {name: changed[name] for name in _COUNTERS if changed.get(name)}
        return last

    def conditions(self) -> Facts:
        """The last value of each condition."""
        last: Facts = {}
        for _, _, changed in self.rows:
            last |= {name: value for name, value in changed.items() if name.startswith("condition.")}
        return {name: value for name, value in last.items() if value is not None}

    def _words(self) -> Iterator[tuple[float, str, str]]:
        """Seconds, who, what."""
        before: Facts = {}
        for seconds, kind, changed in self.rows:
            if kind == "DELETED":
                yield seconds, "object", "gone"
            elif self.kind == "job":
                yield from ((seconds, "job", text) for text in _job_words(changed))
            else:
                yield from ((seconds, who, text) for who, text in _pod_words(changed, before))
            before |= changed


def _pod_words(changed: Facts, before: Facts) -> Iterator[tuple[str, str]]:
    """:param before: the last value of each field."""
    if changed.get("phase"):
        yield "phase", str(changed["phase"])
    if changed.get("reason"):
        yield "reason", str(changed["reason"])
    for name, value in changed.items():
        if name.endswith(".lastState") and value:  # the end that was told at once, or only now with the next run
            yield _who(name), _told(value)
    for name, value in changed.items():
        if name.endswith(".restartCount") and value:
            yield _who(name), f"restarts {value}"
            state = f"{name.rpartition('.')[0]}.state"
            if state not in changed:  # the next run is in the same state as the one before was
                yield _who(name), _told(before[state])
    for name, value in changed.items():
        if name.endswith(".state") and value:
            yield _who(name), _told(value)
    if changed.get("deletionGracePeriodSeconds") is not None:
        yield "grace", str(int(changed["deletionGracePeriodSeconds"]))


def _who(name: str) -> str:
    part, container, _ = name.split(".")
    return container if part == "container" else f"{part} {container}"


def _told(state: Object) -> str:
    [(word, told)] = state.items()
    if word == "waiting":
        reason = told.get("reason")
        return "waits for its image" if reason in _IMAGE_WAITS else f"waits {reason}"
    if word == "running":
        return "runs"
    message = normal(told.get("message") or "")
    return f"ended {told['exitCode']} {told.get('reason')}" + (f": {message}" if message else "")


def _job_words(changed: Facts) -> Iterator[str]:
    for name, value in changed.items():
        if name.startswith("condition.") and value and value[0] == "True":
            yield f"{name.removeprefix('condition.')}: {value[1]}"


def _without_chance(words: list[tuple[float, str, str]], quick: frozenset[str]) -> list[str]:
    kept: list[tuple[str, str]] = []
    last: dict[str, str] = {}
    for position, (_, who, what) in enumerate(words):
        ends = what == "runs" and any(after == who for _, after, _ in words[position + 1 :])
        if what == "waits CrashLoopBackOff" or (ends and who in quick):
            continue
        if last.get(who) == what and who not in ("job", "grace"):
            continue
        last[who] = what
        kept.append((who, what))
    return [f"{who}: {what}" for who, what in _with_running(_sorted_starts(kept))]


def _sorted_starts(words: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Containers that start one after the other may be told of together."""
    result: list[tuple[str, str]] = []
    for _, group in itertools.groupby(words, key=lambda word: word[1] == "runs"):
        together = list(group)
        result += sorted(together) if together[0][1] == "runs" else together
    return result


def _with_running(words: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """With the phase Running before the first thing that a container does: it may be told a moment later.

    Where none was seen to run, it may not have been told at all.
    """
    rest = [word for word in words if word != ("phase", "Running")]
    mains = [" " not in who and who not in _NO_CONTAINERS for who, _ in rest]
    own = [i for i, (_, what) in enumerate(rest) if mains[i] and what.startswith(("runs", "ended"))]
    runs = any(what == "runs" for _, what in (rest[i] for i in own))
    if len(rest) == len(words) or not runs:
        return rest
    return [*rest[: own[0]], ("phase", "Running"), *rest[own[0] :]]


def plain_output(text: str) -> str:
    """What programs print, without what busybox and this machine's programs say differently."""
    text = re.sub(r"/\S*/containers/\w+/\d+/scratch", "/root", text)
    text = re.sub(r"\b(ls|cat|touch): (?:can't|cannot) (?:open|access|touch) '([^']*)':", r"\1: \2:", text)
    text = text.replace("python -m baton_workloads", "baton_workloads")
    lines = [re.sub(r" +", " ", line) for line in text.split("\n")]
    lines = [re.sub(r"^([dl-][rwxstST-]{9}) (\d+) (\w+) (\w+) \d+ TIME", r"\1 \3 \4", line) for line in lines]
    return "\n".join(line for line in lines if not re.fullmatch(r"total \d+|d\S+ \w+ \w+ \.\.", line))


def body(answer: Object, jobs: Iterable[str] = ()) -> tuple[int, str]:
    """What a log request was answered with: the status, and the text or the refusal's message."""
    content = answer.get("body")
    if isinstance(content, dict):
        content = content.get("message", json.dumps(content))
    content = str(content or "")
    if cut := re.search(r"…\[\d+ left out\]…", content):
        return int(answer["status"]), f"{content[:50]}…{answer.get('length')}…{content[cut.end() :][-50:]}"
    if len(content) > _LONGEST:
        content = f"{content[:50]}…{answer.get('length')}…{content[-50:]}"
        return int(answer["status"]), content
    return int(answer["status"]), generated(plain_output(normal(str(content or ""))), jobs)
