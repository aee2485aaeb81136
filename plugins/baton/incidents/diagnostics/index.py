"""The archive's first page: what fired, what stands out, what was collected and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from baton.incidents.diagnostics.archive import Entry
from baton.incidents.diagnostics.cluster_connection import Object
from baton.incidents.diagnostics.collector import CollectionScope, Outcome
from baton.incidents.diagnostics.metric_charts import draw
from baton.redaction.redactor import Redactor

_ANNOTATIONS = ("summary", "description", "runbook_url")


@dataclass(frozen=True, slots=True)
class PodRow:
    """One pod, as the index and the summary tell of it."""

    name: str
    phase: str
    ready: str
    restarts: int
    words: str

    @property
    def is_well(self) -> bool:
        """Whether nothing about it stands out."""
        return not self.words


def pod_rows(pods: Sequence[Object], redactor: Redactor) -> list[PodRow]:
    """What stands out about each pod."""
    return [_pod_row(pod, redactor) for pod in pods]


def _pod_row(pod: Object, redactor: Redactor) -> PodRow:
    status = pod.get("status") or {}
    statuses = status.get("containerStatuses") or []
    containers = [*(status.get("initContainerStatuses") or ()), *statuses]
    words = [text for item in containers for text in _container_words(item)]
    words += [str(status[name]) for name in ("reason", "message") if status.get(name)]
    words += [
        f"{condition['type']} is {condition['status']}: {condition.get('reason')}"
        for condition in status.get("conditions") or ()
        if condition["type"] == "PodScheduled" and condition["status"] != "True"
    ]
    return PodRow(
        name=pod["metadata"]["name"],
        phase=str(status.get("phase", "")),
        ready=f"{sum(bool(item.get('ready')) for item in statuses)}/{len(pod['spec']['containers'])}",
        restarts=sum(int(item.get("restartCount") or 0) for item in containers),
        words=redactor.text("; ".join(words))[:400],
    )


def _container_words(status: Object) -> list[str]:
    found = []
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    if waiting := state.get("waiting"):
        found.append(f"{status['name']} waits: {waiting.get('reason', '')}")
    if (ended := state.get("terminated")) and ended.get("exitCode"):
        found.append(f"{status['name']} ended: {_end(ended)}")
    if last:
        found.append(f"{status['name']} restarted {status.get('restartCount')} times, last: {_end(last)}")
    return found


def _end(ended: Object) -> str:
    return f"{ended.get('reason', '')}, exit code {ended.get('exitCode')} at {ended.get('finishedAt', '')}"


def render_index(
    scope: CollectionScope,
    outcomes: Sequence[Outcome],
    entries: dict[str, Entry],
    redactor: Redactor,
    run: dict[str, str],
) -> str:
    """The page as HTML. Everything that is filled in is redacted, and escaped by the template engine.

    :param run: words on the run: `dag_id`, `run_id`, `seconds`.
    """
    alert, clean = scope.conf.alert, redactor.object
    sections = [(outcome, [entries[path] for path in outcome.paths if path in entries]) for outcome in outcomes]
    page: str = _template().render(
        alert=clean({**{name: getattr(alert, name) for name in ("route", "status", "source", "starts_at", "ends_at")}}),
        name=redactor.text(alert.labels.get("alertname") or alert.route),
        severity=redactor.text(alert.labels.get("severity", "")),
        words=[redactor.text(alert.annotations[name]) for name in _ANNOTATIONS if alert.annotations.get(name)],
        labels=clean(dict(sorted(alert.labels.items()))),
        others=[redactor.text(", ".join(f"{k}={v}" for k, v in sorted(a.labels.items()))) for a in scope.conf.others],
        target=str(scope.workload.target),
        notes=scope.workload.notes,
        pods=pod_rows(scope.workload.pods, redactor),
        figures=[draw(entry.figure) for _, found in sections for entry in found if entry.figure],
        sections=sections,
        problems=[outcome for outcome in outcomes if outcome.status in ("failed", "late")],
        since=_moment_text(alert.begin),
        collected_at=_moment_text(scope.until),
        run=run,
    )
    return page


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["size"] = size_text
    return environment.from_string(files(__package__).joinpath("index.html.jinja").read_text(encoding="utf-8"))


def size_text(size_bytes: int) -> str:
    """A size for people."""
    return f"{size_bytes} B" if size_bytes < 1024 else f"{size_bytes / 1024:,.0f} KiB"
