"""The report of `./baton import`, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from baton.cronjobs.chains.chain import Link
from baton.cronjobs.importing.fidelity import KEPT, VERDICTS, Place, Verdict, verdicts
from baton.cronjobs.importing.needs import Need
from baton.cronjobs.loading import LoadedCronJobs
from baton.cronjobs.manifests.files import Manifest, Problem
from baton.cronjobs.proposals.propose import Proposal, chains_text


@dataclass
class Report:
    """Everything that the command found out.

    :param drift: for each CronJob that the cluster has too, what differs there.
    :param only_in_files: those that it has not.
    :param missing: what the files' CronJobs need in the cluster and it has not, with the keys of those that need it.
    """

    loaded: LoadedCronJobs
    proposals: list[Proposal] = field(default_factory=list)
    drift: dict[str, list[str]] = field(default_factory=dict)
    only_in_files: list[str] = field(default_factory=list)
    missing: dict[Need, list[str]] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[Manifest, Place, list[Verdict]]]:
        """Yield each CronJob, where it ends up, and what becomes of its fields; by file and line."""
        places = _places(self.loaded)
        found: list[tuple[Manifest, Place, list[Problem]]]
        found = [(job.manifest, places[key], []) for key, job in self.loaded.cronjobs.items()]
        nowhere = Place(None, "", Link(""))
        found += [(manifest, nowhere, problems) for manifest, problems in self.loaded.refused]
        for manifest, place, problems in sorted(found, key=lambda each: (each[0].file, each[0].line)):
            yield manifest, place, verdicts(manifest, place, problems)


def _places(loaded: LoadedCronJobs) -> dict[str, Place]:
    places = {key: Place(key, "run", Link(key)) for key in loaded.cronjobs}
    for chain in loaded.chains:
        for key, link in chain.links.items():
            places[key] = Place(chain.name, key, link) if chain.handover == "tasks" else Place(key, "run", link)
    return places


def as_text(report: Report, *, every_field: bool) -> str:
    """The report for people."""
    lines: list[str] = []
    counts: Counter[str] = Counter()
    alike: dict[tuple[str, ...], list[str]] = {}  # hundreds of CronJobs differ in nothing but their names
    dags = set[str]()
    for manifest, place, found in report.entries():
        counts.update(verdict.verdict for verdict in found)
        dags |= {place.dag_id} if place.dag_id else set()
        is_refused = place.dag_id is None and not every_field
        rows = () if is_refused else tuple(_fields(found, every_field=every_field))
        alike.setdefault(rows, []).append(_heading(manifest, place))
    for rows, headings in alike.items():
        lines += [*headings, *rows, ""]
    loaded = report.loaded
    if loaded.others:
        kinds = Counter(other.kind for other in loaded.others)
        listed = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        lines += [f"Left alone, for whoever deploys them: {listed}.", ""]
    lines += [*_filled(loaded), *_proposals(report.proposals), *_drift(report), *_missing(report)]
    if loaded.problems:
        lines += ["To fix:", *(f"  {problem}" for problem in loaded.problems), ""]
    fields = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    lines.append(f"{_became(len(loaded.cronjobs), len(dags), len(loaded.refused))} Fields: {fields}.")
    return "\n".join(lines)


def _became(accepted: int, dags: int, refused: int) -> str:
    jobs = f"{accepted} CronJob becomes" if accepted == 1 else f"{accepted} CronJobs become"
    return f"{jobs} {dags} DAG{'s' * (dags != 1)}, {refused} {'is' if refused == 1 else 'are'} refused."


def _filled(loaded: LoadedCronJobs) -> list[str]:
    """What was filled in for this report only: Airflow runs no program to read its files."""
    lines = [f"  {' '.join(source.command)} > FILE.yaml" for source in loaded.filled]
    return (
        ["Filled in for this report; for Airflow, keep it in a file of include/cronjobs:", *lines, ""] if lines else []
    )


def _heading(manifest: Manifest, place: Place) -> str:
    where = f"{manifest.file}:{manifest.line}" if manifest.line else manifest.file
    end = "refused, see below" if place.dag_id is None else f"DAG {place.dag_id}"
    task = f", task {place.task_id}" if place.dag_id and place.task_id != "run" else ""
    return f"{where}: CronJob {manifest.name or '(without a name)'} → {end}{task}"


def _fields(found: list[Verdict], *, every_field: bool) -> list[str]:
    shown = [verdict for verdict in found if every_field or _is_shown(verdict)]
    alike: dict[tuple[str, str, str], list[str]] = {}  # what the cluster adds to each object would fill the page
    for verdict in shown:
        alone = verdict.field if every_field else ""
        alike.setdefault((verdict.verdict, verdict.note, alone), []).append(verdict.field)
    lines = [_field(", ".join(fields), verdict, note) for (verdict, note, _), fields in alike.items()]
    if rest := sum(verdict.verdict == KEPT for verdict in found) - sum(verdict.verdict == KEPT for verdict in shown):
        lines.append(f"  {'kept':<10}  {rest} more fields, as they are (--all lists them)")
    return lines


def _is_shown(verdict: Verdict) -> bool:
    """Whether it says more than the heading, which names the DAG."""
    return (verdict.verdict != KEPT or bool(verdict.note)) and verdict.field != "metadata.name"


def _field(fields: str, verdict: str, note: str) -> str:
    return f"  {verdict:<10}  {fields}{f': {note}' if note else ''}"


def _proposals(proposals: list[Proposal]) -> list[str]:
    if not proposals:
        return []
    lines = ["Could be chained instead of waiting by the clock:"]
    for proposal in proposals:
        sure = f"{proposal.confidence:.0%} sure"
        lines.append(f"  {proposal.then.key} after {proposal.first.key} ({sure}): {_saving(proposal)}")
        lines += [f"    - {reason.text}" for reason in proposal.reasons]
        if not proposal.rhythm.each_time:
            lines.append("    - it runs less often, and a chain would run it each time: leave it to the clock for now")
    snippet = chains_text(proposals).splitlines()
    accept = ["", "To accept, put into chains.yaml:", *(f"  {line}" for line in snippet)] if snippet else []
    return [*lines, *accept, ""]


def _saving(proposal: Proposal) -> str:
    buffer = proposal.buffer
    text = f"always {_minutes(proposal.gap)} later by the clock"
    if buffer.typical is None:
        return f"{text}; up to {_minutes(proposal.idle)} idle a run (the cluster knows no run of {proposal.first.key})"
    text += f"; {_minutes(proposal.idle)} idle a run, {proposal.first.key} takes {_minutes(buffer.typical)}"
    text += f"; the buffer was too short in {buffer.too_short} of {buffer.runs} runs"
    return f"{text}, {buffer.failed} failed before it" if buffer.failed else text


def _minutes(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 60:.3g} min"


def _drift(report: Report) -> list[str]:
    lines = [f"  {key}: {difference}" for key, differences in report.drift.items() for difference in differences]
    lines = ["Differs in the cluster:", *lines, ""] if lines else []
    if report.only_in_files:
        lines += [f"Not in the cluster: {', '.join(report.only_in_files)}.", ""]
    return lines


def _missing(report: Report) -> list[str]:
    if not report.missing:
        return []
    lines = [f"  {need}: needed by {', '.join(keys)}" for need, keys in report.missing.items()]
    return ["Missing in the cluster; pods wait for it, and Jobs need their namespace:", *lines, ""]


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs; `docs/cronjobs.md` describes it."""
    loaded = report.loaded
    return {
        "cronjobs": [
            {
                "file": manifest.file,
                "line": manifest.line or None,
                "name": manifest.name,
                "namespace": manifest.namespace,
                "dag_id": place.dag_id,
                "task_id": place.task_id or None,
                "after": list(place.link.after),
                "fields": [
                    {"path": each.field, "line": each.line(manifest), "verdict": each.verdict, "note": each.note}
                    for each in found
                ],
            }
            for manifest, place, found in report.entries()
        ],
        "problems": [_problem(problem) for problem in loaded.problems],
        "filled": [{"folder": str(source.file.parent), "command": list(source.command)} for source in loaded.filled],
        "others": [
            {"file": other.file, "line": other.line, "kind": other.kind, "name": other.name} for other in loaded.others
        ],
        "proposals": [_proposal(proposal) for proposal in report.proposals],
        "drift": report.drift,
        "only_in_files": report.only_in_files,
        "missing": [
            {"kind": need.kind, "namespace": need.namespace, "name": need.name, "needed_by": keys}
            for need, keys in report.missing.items()
        ],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {"file": problem.file, "line": problem.line, "path": problem.path, "message": problem.message}


def _proposal(proposal: Proposal) -> dict[str, Any]:
    buffer = proposal.buffer
    return {
        "first": proposal.first.key,
        "then": proposal.then.key,
        "gap_minutes": proposal.gap.total_seconds() / 60,
        "confidence": proposal.confidence,
        "each_time": proposal.rhythm.each_time,
        "idle_minutes": proposal.idle.total_seconds() / 60,
        "typical_minutes": None if buffer.typical is None else buffer.typical.total_seconds() / 60,
        "known_runs": buffer.runs,
        "buffer_too_short": buffer.too_short,
        "failed_before": buffer.failed,
        "reasons": [{"kind": reason.kind, "text": reason.text} for reason in proposal.reasons],
    }
