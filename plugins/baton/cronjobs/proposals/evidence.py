"""How sure one can be that a CronJob waits for another: because of data that the one writes and the other reads.

Names, images and Secrets in common are no reason: jobs of one application have them, whatever they do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.proposals.places import CLAIM, DATABASE, QUEUE, READS, TABLE, USES, WRITES, Place, Use
from baton.cronjobs.proposals.uses import references, uses_of

ENOUGH = 0.8
"""Below it nothing is shown: a wrong proposal costs trust, and accepted it costs a night."""

_WORD = re.compile(r"[a-z0-9]+")
_STAGES = (
    ("extract", "export", "fetch", "download", "dump", "pull", "collect", "scrape", "ingest", "snapshot", "backup",
     "sync", "crawl", "gather", "harvest"),
    ("transform", "convert", "anonymize", "anonymise", "mask", "prepare", "aggregate", "process", "compute",
     "generate", "build", "render", "enrich", "merge", "normalize", "rollup", "calculate", "analyze", "analyse",
     "dedupe"),
    ("load", "import", "upload", "push", "restore", "index", "train"),
    ("validate", "verify", "check", "test"),
    ("report", "publish", "notify", "send", "mail", "email", "refresh", "summary", "score", "predict", "digest"),
)  # fmt: skip
_ENDING = re.compile(r"(?:ations?|ates?|ions?|ings?|ers?|ors?|es|ed|e|s)$")
_SHORTEST_STEM = 3
_FILLS_DATABASES = frozenset(
    "transform aggregate process compute load import ingest collect scrape fetch sync enrich merge index".split()
)
_READS_DATABASES = frozenset("report publish notify send mail email summary digest validate verify check score".split())
_TIDIES = "cleanup clean purge prune delete vacuum archive rotate gc expire retention".split()
_NO_SUBJECT = frozenset(
    "job jobs cron cronjob task run runner daily nightly weekly monthly hourly day the and to from for of "
    "prod production dev staging all data db v1 v2 k8s am pm".split()
)
_BASE = {(WRITES, READS): 0.9, (WRITES, USES): 0.7, (USES, READS): 0.65, (USES, USES): 0.55}
_AS_A_WHOLE = 0.05
"""A bucket or volume of which no part is named may hold anything."""


def _stem(word: str) -> str:
    """A word without its ending: `ingestion` and `ingest`, `generation` and `generate`, `loader` and `load` are one."""
    while len(shorter := _ENDING.sub("", word)) >= _SHORTEST_STEM and shorter != word:
        word = shorter
    return word


_RANK = {_stem(word): rank for rank, words in enumerate(_STAGES) for word in words}
_TIDYING = frozenset(map(_stem, _TIDIES))
_FILLING, _READING = frozenset(map(_stem, _FILLS_DATABASES)), frozenset(map(_stem, _READS_DATABASES))


@dataclass(frozen=True)
class Traces:
    """What can be compared of a CronJob."""

    cronjob: CronJob

    @cached_property
    def uses(self) -> frozenset[Use]:
        """The places that it names."""
        return uses_of(self.cronjob)

    @cached_property
    def stage(self) -> int | None:
        """Which step of the usual ones its name tells; None where it tells none, or two."""
        ranks = {_RANK[word] for word in self.stems if word in _RANK}
        return ranks.pop() if len(ranks) == 1 else None

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The words of its name that say what it works on."""
        words = [word for word in self._words if _stem(word) not in _RANK and word not in _NO_SUBJECT]
        return frozenset(_stem(word) for word in words if not word.isdigit())

    @cached_property
    def stems(self) -> frozenset[str]:
        """The words of its name without their endings."""
        return frozenset(map(_stem, self._words))

    @cached_property
    def _words(self) -> list[str]:
        return _WORD.findall(self.cronjob.name.lower())

    @cached_property
    def references(self) -> frozenset[str]:
        """Secrets and ConfigMaps that its containers get variables from."""
        return frozenset(references(self.cronjob.pod_spec))

    @property
    def tidies(self) -> bool:
        """Whether it removes what is old, for which nobody has to be done."""
        return bool(self.stems & _TIDYING)


@dataclass(frozen=True, slots=True)
class Reason:
    """Data that goes from one to the other.

    :param confidence: from 0 to 1, before it is known how their times fit.
    """

    kind: str
    text: str
    confidence: float
    place: Place


def reason_of(first: Traces, one: Use, then: Traces, other: Use) -> Reason | None:
    """Why the second may wait for the first because of one place, if it may."""
    base = _BASE.get((one.how, other.how))
    if base is None or not one.place.meets(other.place) or then.tidies or first.tidies:
        return None
    if one.place.kind == TABLE and not _may_be_one_database(first, then):
        return None
    same_space = first.cronjob.manifest.namespace == then.cronjob.manifest.namespace
    is_known = (one.how, other.how) == (WRITES, READS)
    if not is_known and (not same_space or not _may_hand_over(first, then, one.place)):
        return None
    sure = base + _by_words(first, then, is_known=is_known) + _by_place(one.place, other.place)
    if not same_space:
        sure -= 0.1
    return Reason(one.place.kind, _text(first, one, then, other), round(min(sure, 0.98), 2), one.place)


def _may_be_one_database(first: Traces, then: Traces) -> bool:
    """Whether a table of one name may be one table: not in two namespaces, nor with two Secrets."""
    if first.cronjob.manifest.namespace != then.cronjob.manifest.namespace:
        return False
    return not (first.references and then.references) or bool(first.references & then.references)


def _by_words(first: Traces, then: Traces, *, is_known: bool) -> float:
    """What their names add."""
    if first.stage is None or then.stage is None or first.stage == then.stage:
        return 0.0
    if first.stage > then.stage:
        return -0.1 if is_known else -1.0
    related = 0.1 if first.subjects & then.subjects else 0.0
    return 0.03 if is_known else 0.15 + related


def _by_place(one: Place, other: Place) -> float:
    """What it adds that a part of a bucket is named, or a table; less where no part is."""
    if one.kind == DATABASE:
        return 0.0  # its name says which one, but nothing of its tables
    is_exact = bool(one.path and other.path) or one.kind in (TABLE, QUEUE)
    return 0.05 if is_exact else 0.0 if one.path or other.path else -_AS_A_WHOLE * (one.kind == CLAIM)


def _may_hand_over(first: Traces, then: Traces, place: Place) -> bool:
    """Whether the names say which one comes first where the place does not; of a database: who fills, who reads."""
    if first.stage is None or then.stage is None or first.stage >= then.stage:
        return False
    if place.kind == DATABASE:
        return bool(first.stems & _FILLING) and bool(then.stems & _READING)
    return True


def _text(first: Traces, one: Use, then: Traces, other: Use) -> str:
    longer = max(one.place, other.place, key=lambda place: len(place.path))
    if one.how == WRITES:
        return f"{first.cronjob.name} writes {longer}, {then.cronjob.name} {other.how} it"
    if other.how == READS:
        return f"{then.cronjob.name} reads {longer}, {first.cronjob.name} uses it"
    return f"both use {longer}, and {first.cronjob.name} comes before {then.cronjob.name} by what they are called"
