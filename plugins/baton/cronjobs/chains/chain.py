"""Which CronJobs follow which: `chains.yaml` beside the manifests, and `baton.dev/after` in them.

::

    chains:
      nightly:                        # one DAG of this name
        handover: tasks               # or assets: each keeps a DAG of its own, started by those before it
        jobs:
          transform: {after: export}
          load: {after: [transform], when: all_succeeded, for_each: [orders, customers], variable: DATASET}
          clean-up: {after: load, when: always}

A published JSON schema for editors: `include/cronjobs/chains.schema.json`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from baton.cronjobs.chains.for_each import LAST, slug_of
from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.manifests.files import Problem, mentions, read_text
from baton.cronjobs.manifests.scalars import TextLoader
from baton.cronjobs.manifests.yaml_documents import Document, DocumentError, read_documents, written
from baton.cronjobs.manifests.yaml_documents import Path as FieldPath

HANDOVERS = ("tasks", "assets")
CONDITIONS = ("all_succeeded", "always")
_DAG_ID = re.compile(r"[\w.-]{1,250}")
_NO_NAMES = ("handover", "when", "for_each", "variable")
VARIABLE = "ITEM"
"""The environment variable that holds the item of a `for_each`, unless the chain names another."""


@dataclass(frozen=True, slots=True)
class Link:
    """One CronJob in a chain.

    :param job: its key.
    :param after: the keys of those that it follows.
    :param when: `all_succeeded`, or `always`: as soon as they have ended in whatever way.
    :param for_each: it runs once for each of these, at the same time; empty: once.
    :param variable: the environment variable that holds the item.
    """

    job: str
    after: tuple[str, ...] = ()
    when: str = "all_succeeded"
    for_each: tuple[str, ...] = ()
    variable: str = VARIABLE


@dataclass(frozen=True)
class Chain:
    """CronJobs that follow one another.

    :param links: by key, in an order in which they may run.
    :param handover: `tasks` (one DAG) or `assets` (a DAG each).
    """

    name: str
    links: dict[str, Link]
    handover: str = "tasks"

    @property
    def roots(self) -> list[str]:
        """Those that follow nobody: the clock starts them."""
        return [key for key, link in self.links.items() if not link.after]


@dataclass
class ChainsRead:
    """What a `chains.yaml` says.

    :param lost: CronJobs in chains that cannot be read. They get no DAG: on the clock they would run too early.
    """

    chains: list[Chain] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)


class ChainError(ValueError):
    """Something in a chain is wrong; `path` leads to it."""

    def __init__(self, path: FieldPath, message: str) -> None:
        super().__init__(message)
        self.path = path


def read_chains(
    file: Path, cronjobs: Mapping[str, CronJob], refused: Iterable[str], earlier: Iterable[Chain] = ()
) -> ChainsRead:
    """Read a `chains.yaml`.

    :param cronjobs: those that can become DAGs, by key.
    :param refused: names of those that cannot.
    :param earlier: chains of other files.
    """
    earlier = list(earlier)
    read = ChainsRead()
    text = read_text(file)
    if isinstance(text, Problem):
        read.problems.append(text)
        return read
    for document in read_documents(text, TextLoader):
        if isinstance(document, DocumentError):
            problem = Problem(str(file), document.line, "", str(document))
        elif not isinstance(document.content, dict) or not isinstance(document.content.get("chains"), dict):
            hint = "must be a mapping with the key chains, a mapping of chains by name"
            problem = Problem(str(file), document.line(), "", hint)
        else:
            _read_document(file, document, Names(cronjobs, frozenset(refused)), [*earlier, *read.chains], read)
            continue
        read.problems.append(problem)
        read.lost |= {key for key, job in cronjobs.items() if mentions(text, job.name)}
    return read


def _read_document(file: Path, document: Document, names: Names, earlier: list[Chain], read: ChainsRead) -> None:
    def problem(err: ChainError) -> None:
        read.problems.append(Problem(str(file), document.line(err.path), written(err.path), str(err)))

    content = document.content
    for key in set(content) - {"chains"}:
        problem(ChainError((key,), "unknown key; there is only chains"))
    taken = {job: chain.name for chain in earlier for job in chain.links}
    for name, given in content["chains"].items():
        path: FieldPath = ("chains", name)
        try:
            if name in [chain.name for chain in earlier]:
                raise ChainError(path, f"there is a chain {name} already: chains of one name belong into one place")
            chain = _chain(name, given, path, names, [*earlier, *read.chains])
            for job in chain.links:
                if job in taken:
                    raise ChainError((*path, "jobs", job), f"{job} is in chain {taken[job]} already")
            if chain.handover == "tasks" and name in names.cronjobs and name not in chain.links:
                raise ChainError(path, f"{name} is the name of a CronJob outside this chain: two DAGs of one name")
        except ChainError as err:
            problem(err)
            read.lost |= _mentioned(given) & set(names.cronjobs)
        else:
            taken |= dict.fromkeys(chain.links, name)
            read.chains.append(chain)


def _mentioned(given: Any) -> set[str]:
    """Every name in a chain that may be wrong in any way."""
    if isinstance(given, dict):
        return set(given).union(*(_mentioned(value) for key, value in given.items() if key not in _NO_NAMES))
    if isinstance(given, list):
        return set[str]().union(*map(_mentioned, given))
    return {given} if isinstance(given, str) else set()


@dataclass(frozen=True)
class Names:
    """The names that a chain may use."""

    cronjobs: Mapping[str, CronJob]
    refused: frozenset[str]

    def check(self, name: str, path: FieldPath) -> str:
        """Return the name if there is such a CronJob."""
        if name in self.cronjobs:
            return name
        spaces = sorted(key for key, job in self.cronjobs.items() if job.name == name)
        if spaces:
            raise ChainError(path, f"CronJob {name} is in several namespaces: write {' or '.join(spaces)}")
        if name in self.refused:
            raise ChainError(path, f"CronJob {name} was refused, see there")
        close = difflib.get_close_matches(name, self.cronjobs, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ChainError(path, f"there is no CronJob {name}{hint}")


def _chain(name: str, given: Any, path: FieldPath, names: Names, earlier: Iterable[Chain]) -> Chain:
    if not _DAG_ID.fullmatch(name):
        raise ChainError(path, "is no name of a chain: up to 250 letters, digits, '-', '_' and '.'")
    if not isinstance(given, dict) or not isinstance(given.get("jobs"), dict) or not given["jobs"]:
        raise ChainError(path, "must be a mapping with the key jobs, a mapping of CronJobs by name")
    for key in given:
        if key not in ("jobs", "handover"):
            raise ChainError((*path, key), "unknown key; there are jobs and handover")
    handover = given.get("handover", "tasks")
    if handover not in HANDOVERS:
        raise ChainError((*path, "handover"), f"must be one of {', '.join(HANDOVERS)}, is {handover!r}")
    jobs: FieldPath = (*path, "jobs")
    links = {job: _link(job, link, (*jobs, job), names) for job, link in given["jobs"].items()}
    if handover == "tasks":  # with assets they have DAGs of their own, or are in another chain
        links |= {before: Link(before) for link in links.values() for before in link.after if before not in links}
    others = {job: link.after for chain in earlier for job, link in chain.links.items()}
    chain = Chain(name, _ordered(links, others, jobs), handover)
    for check in (_check_assets, _check_roots, _check_suspended):
        check(chain, path, names)
    return chain


def _link(job: str, given: Any, path: FieldPath, names: Names) -> Link:
    names.check(job, path)
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ChainError(path, "must be a mapping such as {after: export}")
    for key in given:
        if key not in ("after", "when", "for_each", "variable"):
            raise ChainError((*path, key), "unknown key; there are after, when, for_each and variable")
    after = _texts(given.get("after", []), (*path, "after"))
    for name in after:
        names.check(name, (*path, "after"))
    when = given.get("when", CONDITIONS[0])
    if when not in CONDITIONS:
        raise ChainError((*path, "when"), f"must be one of {', '.join(CONDITIONS)}, is {when!r}")
    items = _texts(given.get("for_each", []), (*path, "for_each"))
    slugs = [slug_of(item) for item in items]
    if LAST in slugs:
        raise ChainError((*path, "for_each"), f"{LAST} is the name of the task that waits for all items")
    alike = next((item for item, slug in zip(items, slugs, strict=True) if slugs.count(slug) > 1), None)
    if alike is not None:
        raise ChainError((*path, "for_each"), f"{alike} would have the name of another item: {slug_of(alike)}")
    variable = given.get("variable", VARIABLE)
    if not isinstance(variable, str) or not variable.isidentifier():
        raise ChainError((*path, "variable"), f"must name an environment variable, is {variable!r}")
    return Link(job, after, when, items, variable)


def _texts(given: Any, path: FieldPath) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise ChainError(path, "must be a text or a list of texts")
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise ChainError(path, f"{twice} is given twice")
    return tuple(texts)


def _ordered(links: Mapping[str, Link], others: Mapping[str, tuple[str, ...]], path: FieldPath) -> dict[str, Link]:
    """The links in an order in which they may run; no circle leads through other chains either."""
    after = {job: link.after for job, link in links.items()}
    try:
        order = list(TopologicalSorter({**others, **after}).static_order())
    except CycleError as err:
        circle = list(reversed(err.args[1]))
        raise ChainError((*path, circle[0]), f"is a circle: {' is after '.join(circle)}") from err
    return {job: links[job] for job in order if job in links}


def _check_assets(chain: Chain, path: FieldPath, names: Names) -> None:
    for link in chain.links.values():
        where: FieldPath = (*path, "jobs", link.job)
        if chain.handover == "assets" and link.when == "always":
            raise ChainError((*where, "when"), "always needs handover: tasks; an asset is announced by success only")


def _check_roots(chain: Chain, path: FieldPath, names: Names) -> None:
    """One DAG has one schedule."""
    if chain.handover == "assets":
        return
    schedules = {(names.cronjobs[job].schedule, names.cronjobs[job].time_zone or "UTC"): job for job in chain.roots}
    if len(schedules) > 1:
        listed = ", ".join(f"{job} ({schedule} {zone})" for (schedule, zone), job in schedules.items())
        hint = "give all but one an after, or use handover: assets"
        raise ChainError(path, f"begins with CronJobs of different schedules: {listed}; {hint}")


def _check_suspended(chain: Chain, path: FieldPath, names: Names) -> None:
    for link in chain.links.values():
        if link.after and names.cronjobs[link.job].is_suspended:
            message = f"{link.job} has suspend: true in its manifest: take it out of the chain, or the suspend away"
            raise ChainError((*path, "jobs", link.job), message)
