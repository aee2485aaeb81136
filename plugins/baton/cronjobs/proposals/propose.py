"""Propose chains: pairs of CronJobs that keep a gap on the clock and have something in common."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from baton.cronjobs.loading import LoadedCronJobs
from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.proposals.evidence import Reason, Traces, reasons
from baton.cronjobs.proposals.history import Buffer, PastRun, buffer_of
from kubernetes_cron import EverySchedule, parse

_FROM = datetime(2026, 1, 5, tzinfo=UTC)
"""Any Monday: what is proposed must not depend on the day of the asking."""
_DAYS = 70
_MAX_TICKS = 100
_MAX_GAP = timedelta(hours=12)
_CHANGING_CLOCKS = timedelta(hours=1)
_ENOUGH = 2
"""Weight of reasons beside the clock that makes a proposal."""


@dataclass(frozen=True)
class Proposal:
    """One CronJob that seems to wait for another.

    :param gap: from the first one's tick to the second one's.
    :param buffer: how the gap was used, as far as the cluster knows.
    """

    first: CronJob
    then: CronJob
    gap: timedelta
    reasons: list[Reason]
    buffer: Buffer

    @property
    def idle(self) -> timedelta:
        """What a run waits in vain: all of the gap where nothing is known of the first one's runs."""
        return max(timedelta(), self.gap - (self.buffer.typical or timedelta()))


def propose(loaded: LoadedCronJobs, history: Mapping[str, Sequence[PastRun]]) -> list[Proposal]:
    """Propose whom each CronJob may follow that follows nobody yet.

    :param history: runs by `namespace/name` of their CronJob.
    """
    followers = {link.job for chain in loaded.chains for link in chain.links.values() if link.after}
    jobs = [job for job in loaded.cronjobs.values() if not job.is_suspended]
    ticks = {job.key: _ticks(job) for job in jobs}
    traces = {job.key: Traces(job) for job in jobs}
    proposals = []
    for then in jobs:
        if then.key in followers:
            continue
        found = []
        for first in jobs:
            gap = _gap(ticks[first.key], ticks[then.key])
            common = reasons(traces[first.key], traces[then.key]) if gap else []
            if gap and sum(reason.weight for reason in common) >= _ENOUGH:
                found.append(Proposal(first, then, gap, common, buffer_of(_runs(first, history), gap)))
        subjects = traces[then.key].subjects
        proposals += _nearest(found, {job.key: len(traces[job.key].subjects & subjects) for job in jobs})
    return proposals


def _nearest(found: list[Proposal], shared: Mapping[str, int]) -> list[Proposal]:
    """Of several, those that work on the same and, among them, those that end the wait: the last before it."""
    ranks = [(-shared[proposal.first.key], proposal.gap) for proposal in found]
    return [proposal for proposal, rank in zip(found, ranks, strict=True) if rank == min(ranks)]


def _runs(job: CronJob, history: Mapping[str, Sequence[PastRun]]) -> Sequence[PastRun]:
    if job.manifest.namespace:
        return history.get(f"{job.manifest.namespace}/{job.name}", ())
    known = [runs for name, runs in history.items() if name.endswith(f"/{job.name}")]
    return known[0] if len(known) == 1 else ()


def _ticks(job: CronJob) -> list[datetime]:
    """Its ticks in some weeks; none for what does not keep to the clock."""
    schedule = parse(job.schedule, job.time_zone or "UTC")
    if isinstance(schedule, EverySchedule):
        return []
    ticks: list[datetime] = []
    tick = schedule.next(_FROM)
    while tick is not None and tick < _FROM + timedelta(days=_DAYS) and len(ticks) < _MAX_TICKS:
        ticks.append(tick)
        tick = schedule.next(tick)
    return ticks


def _gap(first: Sequence[datetime], then: Sequence[datetime]) -> timedelta | None:
    """The time from each tick of the one to a tick of the other, if each has one, always at the same distance."""
    if not first or not then:
        return None
    end = min(first[-1], then[-1])
    begin = max(first[0], then[0])
    before = [tick for tick in first if tick <= end]
    pairs = {tick: _last_before(before, tick) for tick in then if begin <= tick <= end}
    partners = [partner for partner in pairs.values() if partner is not None]
    gaps = [tick - partner for tick, partner in pairs.items() if partner is not None]
    inner = [tick for tick in before if begin <= tick]
    if not gaps or len(set(partners)) < len(partners) or len(partners) < len(inner) - 1:
        return None  # the second one runs more often, or less often
    if max(gaps) - min(gaps) > _CHANGING_CLOCKS or max(gaps) > min(_MAX_GAP, _period(first) / 2):
        return None
    return min(gaps)


def _last_before(ticks: Sequence[datetime], moment: datetime) -> datetime | None:
    position = bisect_left(ticks, moment)
    return ticks[position - 1] if position else None


def _period(ticks: Sequence[datetime]) -> timedelta:
    if len(ticks) < 2:
        return timedelta(days=_DAYS)
    return min(later - earlier for earlier, later in pairwise(ticks))


def chains_text(proposals: Iterable[Proposal]) -> str:
    """The proposals as a `chains.yaml`; empty without any."""
    after: dict[str, list[str]] = {}
    for proposal in proposals:
        after.setdefault(proposal.then.key, []).append(proposal.first.key)
    if not after:
        return ""
    lines = ["chains:"]
    for members in _groups(after):
        roots = [key for key in members if key not in after]
        lines += [f"  {roots[0]}-chain:", *(["    handover: assets"] if len(roots) > 1 else []), "    jobs:"]
        lines += [f"      {key}: {{after: {_list(after[key])}}}" for key in members if key in after]
    return "\n".join(lines) + "\n"


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _groups(after: Mapping[str, list[str]]) -> list[list[str]]:
    """CronJobs that hang together, each group in the order in which they were met."""
    groups: list[list[str]] = []
    for then, firsts in after.items():
        names = [*firsts, then]
        touching = [group for group in groups if set(group) & set(names)]
        merged = [name for group in touching for name in group]
        groups = [group for group in groups if group not in touching]
        groups.append(list(dict.fromkeys([*merged, *names])))
    return groups
