"""The content of the page as JSON: each chain with its ticks, its runs, and what both together say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from baton.cronjobs.page.compare import ChainRun, RunKey, TooEarly, chain_runs, overlapping
from baton.cronjobs.page.model import MAX_TICKS, ChainJob, JobRun, Window, groups_of, typical_length

Json = dict[str, Any]


def content(
    window: Window, jobs: Iterable[ChainJob], runs: Sequence[JobRun], started_by: Sequence[tuple[RunKey, RunKey]]
) -> Json:
    """Describe all chains in a window of time.

    :param runs: also some from before the window: what they took is what a Job typically takes.
    A CronJob `is_dense` if it has too many ticks to be told apart; then only those with something to say are there.

    :returns: `{"begin", "end", "now", "chains": […]}`; times are ISO 8601 in UTC, lengths seconds.
    """
    chains = [_chain(group, window, runs, started_by) for group in groups_of(jobs)]
    return {
        "begin": _text(window.begin),
        "end": _text(window.end),
        "now": _text(window.now),
        "chains": chains,
    }


def _chain(
    jobs: list[ChainJob], window: Window, runs: Sequence[JobRun], started_by: Sequence[tuple[RunKey, RunKey]]
) -> Json:
    keys = {job.key for job in jobs}
    own = [run for run in runs if run.key in keys]
    overlaps = overlapping(own, window.now)
    together = chain_runs(jobs, own, started_by)
    shown = [run for run in together if window.touches(run.start, run.end)]
    saved = [run.saved for run in shown if run.saved is not None]
    return {
        "name": _name(jobs),
        "jobs": [_job(job, window, own, together, overlaps) for job in jobs],
        "runs": [_run(run, overlaps) for run in shown],
        "saved_seconds": sum(length.total_seconds() for length in saved) if saved else None,
        "saved_runs": len(saved),
    }


def _name(jobs: list[ChainJob]) -> str:
    """The DAG's id if it is one DAG, else the chain's name, else those that begin."""
    for names in ({job.dag_id for job in jobs}, {job.chain for job in jobs} - {""}):
        if len(names) == 1:
            return names.pop()
    return ", ".join(job.key for job in jobs if not job.after) + " and what follows"


def _job(
    job: ChainJob, window: Window, runs: list[JobRun], together: list[ChainRun], overlaps: set[tuple[str, str]]
) -> Json:
    own = [run for run in runs if run.key == job.key]
    typical = typical_length(own)
    compared = {run.clock[job.key]: run for run in together if job.key in run.clock}
    ticks = {*job.ticks(window), *(tick for tick in compared if window.begin <= tick < window.end)}
    is_dense = len(ticks) > MAX_TICKS
    if is_dense:
        ticks = {tick for tick in ticks if (run := compared.get(tick)) and _early(run, job)}
    parts = [(run, run.parts[job.key]) for run in together if job.key in run.parts]
    return {
        "key": job.key,
        "dag_id": job.dag_id,
        "schedule": job.schedule,
        "time_zone": job.time_zone or "UTC",
        "after": list(job.after),
        "is_paused": job.is_paused,
        "typical_seconds": _seconds(typical),
        "is_dense": is_dense,
        "ticks": [_tick(job, tick, compared.get(tick), typical) for tick in sorted(ticks)],
        "runs": [
            _part(run, part, (part.key, part.run_id) in overlaps)
            for run, part in parts
            if window.touches(part.start, part.end)
        ],
    }


def _tick(job: ChainJob, tick: datetime, run: ChainRun | None, typical: timedelta | None) -> Json:
    """One start on the clock, with the end that it would have had (None: nothing is known)."""
    end = run.clock_ends.get(job.key) if run else None
    guessed = tick + typical if typical else None
    early = _early(run, job) if run else []
    return {
        "at": _text(tick),
        "end": _text(end or guessed),
        "is_guess": end is None,
        "too_early": [{"before": bad.before, "seconds": _seconds(bad.by)} for bad in early],
    }


def _early(run: ChainRun, job: ChainJob) -> list[TooEarly]:
    return [bad for bad in run.too_early if bad.key == job.key]


def _part(run: ChainRun, part: JobRun, overlaps: bool) -> Json:
    return {
        "dag_id": part.dag_id,
        "run_id": part.run_id,
        "tick": _text(run.clock.get(part.key)),
        "start": _text(part.start),
        "end": _text(part.end),
        "state": part.state,
        "late_seconds": _seconds(run.late(part.key)),
        "overlaps": overlaps,
    }


def _run(run: ChainRun, overlaps: set[tuple[str, str]]) -> Json:
    first = next(iter(run.parts.values()))
    return {
        "dag_id": first.dag_id,
        "run_id": first.run_id,
        "tick": _text(min(run.clock.values(), default=None)),
        "start": _text(run.start),
        "end": _text(run.end),
        "clock_end": _text(run.clock_end),
        "state": run.state,
        "saved_seconds": _seconds(run.saved),
        "too_early": [{"job": bad.key, "before": bad.before, "seconds": _seconds(bad.by)} for bad in run.too_early],
        "late": [{"job": key, "seconds": _seconds(late)} for key in run.parts if (late := run.late(key)) is not None],
        "overlaps": sorted(key for key, part in run.parts.items() if (key, part.run_id) in overlaps),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 1)
