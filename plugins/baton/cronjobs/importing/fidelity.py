"""What becomes of each field of a CronJob: kept, translated, without effect, or refused. Nothing is left unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from baton.cronjobs.chains.chain import Link
from baton.cronjobs.fields.checking import STILL_READ, doubts
from baton.cronjobs.manifests.files import Manifest, Problem
from baton.cronjobs.manifests.settings import PREFIX
from baton.cronjobs.manifests.unfilled import note_of
from baton.cronjobs.manifests.yaml_documents import Path, written

KEPT, TRANSLATED, NO_EFFECT, REFUSED = "kept", "translated", "no effect", "refused"
VERDICTS = (KEPT, TRANSLATED, NO_EFFECT, REFUSED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one field.

    :param path: where it stands in the manifest.
    :param verdict: one of `VERDICTS`.
    :param note: to what, why, or what to do; empty where the field is simply kept.
    :param missing: the problem, where the field does not stand in the manifest.
    """

    path: Path
    verdict: str
    note: str
    missing: Problem | None = None

    @property
    def field(self) -> str:
        """Its path, as Kubernetes writes it."""
        return self.missing.path if self.missing else written(self.path)

    def line(self, manifest: Manifest) -> int | None:
        """Where it stands, or would stand. Asked for each, because it needs the file to be parsed once more."""
        return self.missing.line if self.missing else manifest.line_of(self.path) or None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a CronJob ends up.

    :param dag_id: its DAG, or that of its chain; None when it is refused.
    :param task_id: its task there.
    :param link: what it follows.
    """

    dag_id: str | None
    task_id: str
    link: Link


def verdicts(manifest: Manifest, place: Place, problems: Sequence[Problem]) -> list[Verdict]:
    """Everything that stands in a manifest, and what is missing in it, in the order of its lines.

    :param problems: why it is refused, if it is.
    """
    refused = {problem.path: problem for problem in problems if problem.file == manifest.file}
    doubtful = {} if problems else dict(doubts(manifest.content))
    found, told = [], set()
    for path, value in _leaves(manifest.content, ()):
        above = [written(path[:length]) for length in range(1, len(path) + 1)] if refused else []
        problem = next((refused[name] for name in above if name in refused), None)
        verdict, note = (REFUSED, problem.message) if problem else _verdict(path, value, place)
        if verdict == KEPT:
            note = note or doubtful.get(path) or note_of(value)
        found.append(Verdict(path, verdict, note))
        told |= set(above)
    if place.dag_id and not manifest.namespace:
        found.append(Verdict(("metadata", "namespace"), TRANSLATED, _NO_NAMESPACE))
    missing = [problem for path, problem in refused.items() if path not in told]
    return [*found, *(Verdict((), REFUSED, each.message, each) for each in missing)]


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield each value that holds no others; an empty list or mapping is one, and what only the server writes."""
    if path in SERVERS_OWN:
        yield path, value
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for position, inner in enumerate(value):
            yield from _leaves(inner, (*path, position))
    else:
        yield path, value


_Rule = Callable[[Any, Place], tuple[str, str]]


def _verdict(path: Path, value: Any, place: Place) -> tuple[str, str]:
    for length in range(min(len(path), _DEEPEST_RULE), 0, -1):
        rule = _RULES.get(path[:length])
        if rule is not None:
            return rule(value, place)
    if path in SERVERS_OWN:
        return NO_EFFECT, "is the server's own"
    if path[:2] == ("metadata", "annotations"):
        return _annotation(str(path[2]) if len(path) > 2 else "", place)
    return NO_EFFECT, "belongs to the object in the cluster, not to its Jobs"


def _annotation(name: str, place: Place) -> tuple[str, str]:
    if name.startswith(PREFIX):
        return TRANSLATED, f"to {name.removeprefix(PREFIX)} of {_dag(place)}"
    return NO_EFFECT, "belongs to the CronJob; the controller gives it to no Job either"


def _dag(place: Place) -> str:
    return f"DAG {place.dag_id}" if place.dag_id else "the DAG"


def _kept(note: str = "") -> _Rule:
    return lambda value, place: (KEPT, note)


def _unused(note: str) -> _Rule:
    return lambda value, place: (NO_EFFECT, note)


def _version(value: Any, place: Place) -> tuple[str, str]:
    if value == STILL_READ:
        return TRANSLATED, "to batch/v1, whose fields are the same; Kubernetes serves the old version no more"
    return KEPT, ""


def _name(value: Any, place: Place) -> tuple[str, str]:
    if place.dag_id is None:
        return KEPT, ""
    is_own = place.task_id == "run"
    return (
        TRANSLATED,
        f"to {_dag(place)}{'' if is_own else f', task {place.task_id}'}; Jobs are named after it as before",
    )


def _schedule(value: Any, place: Place) -> tuple[str, str]:
    if place.link.after:
        return TRANSLATED, f"to: runs after {' and '.join(place.link.after)}, instead of by the clock"
    return KEPT, "with exactly the controller's times"


def _clock_only(value: Any, place: Place) -> tuple[str, str]:
    return (NO_EFFECT, "it does not start by the clock") if place.link.after else (KEPT, "")


def _policy(value: Any, place: Place) -> tuple[str, str]:
    if place.link.for_each:
        return (
            NO_EFFECT,
            "for_each starts several Jobs at the same time; runs of its DAG do not overlap if it is Forbid",
        )
    notes = {"Forbid": "and one run of the DAG at a time", "Replace": "a run ends the Job of the one before"}
    return KEPT, notes.get(value, "")


def _suspend(value: Any, place: Place) -> tuple[str, str]:
    return (TRANSLATED, f"to: {_dag(place)} has no schedule and runs by hand only") if value else (KEPT, "")


SERVERS_OWN = {
    ("status",),
    *(
        ("metadata", name)
        for name in (
            "managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink", "ownerReferences",
            "deletionTimestamp", "deletionGracePeriodSeconds",
        )
    ),
}  # fmt: skip
"""Nobody has written it, so nobody asks what became of each part of it."""
_NO_NAMESPACE = "is missing: its Jobs run in the namespace given to cronjob_dags, else in BATON_NAMESPACE"
_HISTORY = "Jobs that Airflow makes are no CronJob's: ttlSecondsAfterFinished removes them; Airflow keeps their logs"
_JOB_METADATA = "the controller takes labels and annotations only, and so does Baton"
_JOB = ("spec", "jobTemplate")
_RULES: dict[Path, _Rule] = {
    ("apiVersion",): _version,
    ("kind",): _kept(),
    ("metadata", "name"): _name,
    ("metadata", "namespace"): _kept("its Jobs run there"),
    ("metadata", "labels"): _unused("belongs to the CronJob; the controller gives it to no Job either"),
    ("spec", "schedule"): _schedule,
    ("spec", "timeZone"): _clock_only,
    ("spec", "startingDeadlineSeconds"): _clock_only,
    ("spec", "concurrencyPolicy"): _policy,
    ("spec", "suspend"): _suspend,
    ("spec", "successfulJobsHistoryLimit"): _unused(_HISTORY),
    ("spec", "failedJobsHistoryLimit"): _unused(_HISTORY),
    _JOB: _kept(),
    (*_JOB, "metadata"): _unused(_JOB_METADATA),
    (*_JOB, "metadata", "labels"): _kept(),
    (*_JOB, "metadata", "annotations"): _kept(),
    (*_JOB, "spec", "suspend"): _kept("a Job that is made suspended waits until somebody resumes it"),
}
_DEEPEST_RULE = max(map(len, _RULES))
