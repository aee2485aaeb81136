"""Propose chains: pairs of CronJobs of which one writes what the other reads, a fitting time later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from baton.cronjobs.loading import LoadedCronJobs
from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.proposals.evidence import ENOUGH, Reason, Traces, reason_of
from baton.cronjobs.proposals.history import Buffer, PastRun, buffer_of
from baton.cronjobs.proposals.places import READS, WRITES, Place, Use
from baton.cronjobs.proposals.rhythm import Rhythm, rhythm_of

_EVERYBODYS = 12
"""A place that so many CronJobs merely use says nothing about two of them."""
_MAX_PAIRS = 50_000
"""Of those that are compared for one place."""
_LONG_GAP = timedelta(hours=6)
_MANY_TIMES = 8


@dataclass(frozen=True)
class Proposal:
    """One CronJob that seems to wait for another.

    :param rhythm: how their ticks lie.
    :param buffer: how the gap was used, as far as the cluster knows.
    :param confidence: from 0 to 1.
    """

    first: CronJob
    then: CronJob
    rhythm: Rhythm
    reasons: list[Reason]
    buffer: Buffer
    confidence: float

    @property
    def gap(self) -> timedelta:
        """From the first one's tick to the second one's."""
        return self.rhythm.gap

    @property
    def idle(self) -> timedelta:
        """What a run waits in vain: all of the gap where nothing is known of the first one's runs."""
        return max(timedelta(), self.gap - (self.buffer.typical or timedelta()))


def propose(loaded: LoadedCronJobs, history: Mapping[str, Sequence[PastRun]]) -> list[Proposal]:
    """Propose whom each CronJob may follow that follows nobody yet; nothing that is less than rather sure.

    :param history: runs by `namespace/name` of their CronJob.
    """
    followers = {link.job for chain in loaded.chains for link in chain.links.values() if link.after}
    traces = [Traces(job) for job in loaded.cronjobs.values() if not job.is_suspended]
    pairs: dict[tuple[str, str], _Pair] = {}
    for first, one, then, other in _meetings(traces):
        reason = None if then.cronjob.key in followers else reason_of(first, one, then, other)
        rhythm = rhythm_of(_clock(first.cronjob), _clock(then.cronjob)) if reason else None
        if reason and rhythm:
            key = (first.cronjob.key, then.cronjob.key)
            pairs.setdefault(key, _Pair(first.cronjob, then.cronjob, rhythm)).take(reason)
    proposals = [each for pair in pairs.values() if (each := pair.proposal(history)).confidence >= ENOUGH]
    order = {job.key: position for position, job in enumerate(loaded.cronjobs.values())}
    chosen = _without_circles(_nearest(proposals))
    return sorted(chosen, key=lambda each: (order[each.then.key], order[each.first.key]))


@dataclass
class _Pair:
    """Two CronJobs that keep a distance, and why the second may wait for the first."""

    first: CronJob
    then: CronJob
    rhythm: Rhythm
    best: dict[Place, Reason] = field(default_factory=dict)

    def take(self, reason: Reason) -> None:
        """Keep the surest for each place."""
        if reason.place not in self.best or reason.confidence > self.best[reason.place].confidence:
            self.best[reason.place] = reason

    def proposal(self, history: Mapping[str, Sequence[PastRun]]) -> Proposal:
        """With the surest reason first."""
        reasons = sorted(self.best.values(), key=lambda reason: (-reason.confidence, str(reason.place)))
        buffer = buffer_of(_runs(self.first, history), self.rhythm.gap)
        sure = round(reasons[0].confidence - _by_time(self.rhythm.gap, buffer), 2)
        return Proposal(self.first, self.then, self.rhythm, reasons, buffer, sure)


def _meetings(traces: Sequence[Traces]) -> Iterator[tuple[Traces, Use, Traces, Use]]:
    """Yield each two CronJobs with a place that both name, of which one may write it and the other may read it."""
    places: dict[tuple[str, str], list[tuple[Traces, Use]]] = defaultdict(list)
    for each in traces:
        for use in each.uses:
            places[use.place.kind, use.place.base].append((each, use))
    for users in places.values():
        known = [(each, use) for each, use in users if use.how in (READS, WRITES)]
        if len({each.cronjob.key for each, _ in users}) > _EVERYBODYS:
            users = known
        firsts = [(each, use) for each, use in users if use.how != READS]
        thens = [(each, use) for each, use in users if use.how != WRITES]
        if len(firsts) * len(thens) > _MAX_PAIRS:
            continue
        for first, one in firsts:
            for then, other in thens:
                if first is not then:
                    yield first, one, then, other


def _clock(job: CronJob) -> tuple[str, str]:
    return job.schedule, job.time_zone or "UTC"


def _by_time(gap: timedelta, buffer: Buffer) -> float:
    """What a gap takes away that is much longer than the first one needs."""
    if buffer.typical is not None:
        return 0.1 if gap > _MANY_TIMES * buffer.typical + timedelta(hours=1) else 0.0
    return 0.05 if gap > _LONG_GAP else 0.0


def _nearest(proposals: list[Proposal]) -> list[Proposal]:
    """Of several for one place, those of the same namespace and, among them, the last before it: it ends the wait."""
    ranks: dict[tuple[str, Place], list[tuple[bool, timedelta]]] = defaultdict(list)
    for each in proposals:
        for reason in each.reasons:
            ranks[each.then.key, reason.place].append(_rank(each))
    return [
        each
        for each in proposals
        if any(_rank(each) == min(ranks[each.then.key, reason.place]) for reason in each.reasons)
    ]


def _rank(proposal: Proposal) -> tuple[bool, timedelta]:
    return proposal.first.manifest.namespace != proposal.then.manifest.namespace, proposal.gap


def _without_circles(proposals: list[Proposal]) -> list[Proposal]:
    """The surest first, as long as nobody comes to wait for itself."""
    after: dict[str, set[str]] = defaultdict(set)
    chosen = []
    for each in sorted(proposals, key=lambda proposal: (-proposal.confidence, proposal.gap)):
        if not _leads_to(each.first.key, each.then.key, after):
            after[each.then.key].add(each.first.key)
            chosen.append(each)
    return chosen


def _leads_to(key: str, wanted: str, after: Mapping[str, set[str]]) -> bool:
    """Whether one waits, in however many steps, for another."""
    rest, seen = [key], set[str]()
    while rest:
        here = rest.pop()
        if here == wanted:
            return True
        if here not in seen:
            seen.add(here)
            rest += after.get(here, ())
    return False


def _runs(job: CronJob, history: Mapping[str, Sequence[PastRun]]) -> Sequence[PastRun]:
    if job.manifest.namespace:
        return history.get(f"{job.manifest.namespace}/{job.name}", ())
    known = [runs for name, runs in history.items() if name.endswith(f"/{job.name}")]
    return known[0] if len(known) == 1 else ()


def chains_text(proposals: Iterable[Proposal]) -> str:
    """The proposals as a `chains.yaml`; empty without any. One that runs less often is none: a chain runs all of it."""
    after: dict[str, list[str]] = {}
    for proposal in proposals:
        if proposal.rhythm.each_time:
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
