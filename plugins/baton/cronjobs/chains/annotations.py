"""What follows what by the annotation `baton.dev/after`, or the setting `after` in a file beside the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from baton.cronjobs.chains.chain import Chain, ChainError, ChainsRead, Link, Names
from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.manifests.files import CHAINS_FILES
from baton.cronjobs.manifests.yaml_documents import Path as FieldPath


def chains_of_annotations(
    cronjobs: Mapping[str, CronJob], refused: Iterable[str], in_chains: Iterable[str]
) -> ChainsRead:
    """What `baton.dev/after` says: each follower keeps its own DAG. A wrong one costs its CronJob.

    :param in_chains: those that a `chains.yaml` has placed already.
    """
    read = ChainsRead()
    names, in_chains = Names(cronjobs, frozenset(refused)), set(in_chains)
    links: dict[str, Link] = {}
    for key, job in cronjobs.items():
        if not job.settings.after:
            continue
        try:
            if key in in_chains:
                raise ChainError((), f"{key} is in a chain of {CHAINS_FILES[0]} already: say it in one place")
            if job.is_suspended:
                raise ChainError((), f"{key} has suspend: true: it follows nobody")
            links[key] = Link(key, tuple(names.check(name, ()) for name in job.settings.after))
        except ChainError as err:
            _refuse(job, str(err), read)
    for circle in _circles(links):
        for key in circle[:-1]:
            links.pop(key, None)
            _refuse(cronjobs[key], f"is a circle: {' is after '.join(circle)}", read)
    if links:
        read.chains.append(Chain("", links, "assets"))
    return read


def _refuse(job: CronJob, message: str, read: ChainsRead) -> None:
    read.lost.add(job.key)
    where: FieldPath = ("metadata", "annotations", "baton.dev/after")
    read.problems.append(job.manifest.problem(where, message))


def _circles(links: Mapping[str, Link]) -> Iterator[list[str]]:
    open_links = {job: link.after for job, link in links.items()}
    while True:
        try:
            TopologicalSorter(open_links).prepare()
            return
        except CycleError as err:
            circle = list(reversed(err.args[1]))
            yield circle
            open_links = {job: after for job, after in open_links.items() if job not in circle}
