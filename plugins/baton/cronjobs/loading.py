"""All CronJobs of some folders, with their settings and chains, and everything that is wrong with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from baton.cronjobs.chains.annotations import chains_of_annotations
from baton.cronjobs.chains.chain import Chain, ChainsRead, read_chains
from baton.cronjobs.fields.checking import check, doubts
from baton.cronjobs.fields.values import Finding
from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.manifests.files import Found, Manifest, Other, Problem, chains_files, read_manifests
from baton.cronjobs.manifests.settings import Settings, SettingsFile, read_settings
from baton.cronjobs.manifests.sources import Source


@dataclass
class LoadedCronJobs:
    """What is in the folders.

    :param cronjobs: those that can become DAGs, by key.
    :param chains: which of them follow which.
    :param problems: everything that is wrong, in the order of files and lines.
    :param refused: the CronJobs that cannot become a DAG, each with its part of the problems.
    :param others: objects of other kinds; nothing is made of them.
    :param filled: folders that a program has filled in for this reading.
    """

    cronjobs: dict[str, CronJob] = field(default_factory=dict)
    chains: list[Chain] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refused: list[tuple[Manifest, list[Problem]]] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    files: int = 0
    filled: list[Source] = field(default_factory=list)


def load_cronjobs(paths: Iterable[Path]) -> LoadedCronJobs:
    """Read manifests, the settings beside them, and every `chains.yaml` in the folders."""
    paths = list(paths)
    return checked_cronjobs(read_manifests(paths), [path for path in paths if path.is_dir()])


def checked_cronjobs(found: Found, folders: Iterable[Path]) -> LoadedCronJobs:
    """The same for manifests that were read already, also from elsewhere than files."""
    loaded = LoadedCronJobs(problems=found.problems, others=found.others, files=found.files, filled=found.filled)
    _take_cronjobs(_accept(found.manifests, loaded), loaded)
    for file in _chains_files(folders):
        _take_chains(read_chains(file, loaded.cronjobs, _refused(loaded), loaded.chains), loaded)
    in_chains = {job for chain in loaded.chains for link in chain.links.values() for job in (link.job, *link.after)}
    _take_chains(chains_of_annotations(loaded.cronjobs, _refused(loaded), in_chains), loaded)
    loaded.problems.sort(key=lambda problem: (problem.file, problem.line or 0))
    return loaded


def _chains_files(folders: Iterable[Path]) -> list[Path]:
    """Each `chains.yaml` of the folders and of those in them, once."""
    return list(dict.fromkeys(file for folder in folders for file in sorted(chains_files(folder))))


def _refused(loaded: LoadedCronJobs) -> set[str]:
    return {manifest.name for manifest, _ in loaded.refused}


def _take_chains(read: ChainsRead, loaded: LoadedCronJobs) -> None:
    loaded.chains += read.chains
    loaded.problems += read.problems
    placed = {job for chain in loaded.chains for job in chain.links}
    for key in sorted(read.lost - placed):  # what has its place in a chain that can be read keeps it
        job = loaded.cronjobs.pop(key)
        loaded.refused.append((job.manifest, read.problems))


def _accept(manifests: list[Manifest], loaded: LoadedCronJobs) -> list[tuple[Manifest, Settings]]:
    """Tell those apart that can become DAGs."""
    names: dict[str, set[str]] = defaultdict(set)
    for manifest in manifests:
        names[manifest.file].add(manifest.name)
    beside = {file: SettingsFile(Path(file)) for file in names}
    for file, settings_file in beside.items():
        loaded.problems += [*settings_file.problems, *settings_file.unknown(names[file])]
    first: dict[tuple[str | None, str], Manifest] = {}
    accepted, told = [], set(loaded.problems)
    for manifest in manifests:
        problems = [manifest.problem(path, why) for path, why in check(manifest.content)]
        settings, wrong = read_settings(manifest, beside[manifest.file])
        problems += wrong
        identity = (manifest.namespace, manifest.name)
        if not problems and (earlier := first.setdefault(identity, manifest)) is not manifest:
            message = f"there is a CronJob {manifest.name} at {earlier.file}:{earlier.line} already"
            problems.append(manifest.problem(("metadata", "name"), message))
        if problems:
            loaded.refused.append((manifest, problems))
            loaded.problems += [problem for problem in problems if problem not in told]
            told.update(problems)
        else:
            accepted.append((manifest, settings))
            loaded.problems += [manifest.problem(path, why) for path, why in _doubts(manifest)]
    return accepted


def _doubts(manifest: Manifest) -> list[Finding]:
    """What Kubernetes takes although it was to be filled in; most texts are seen to hold nothing of that kind."""
    return doubts(manifest.content) if manifest.document.may_be_unfilled else []


def _take_cronjobs(accepted: list[tuple[Manifest, Settings]], loaded: LoadedCronJobs) -> None:
    namespaces: dict[str, set[str | None]] = defaultdict(set)
    for manifest, _ in accepted:
        namespaces[manifest.name].add(manifest.namespace)
    for manifest, settings in accepted:
        shared = len(namespaces[manifest.name]) > 1 and manifest.namespace
        key = f"{manifest.namespace}.{manifest.name}" if shared else manifest.name
        if key in loaded.cronjobs:  # a name with a dot in it, and a namespace before a name
            other = loaded.cronjobs[key].manifest
            message = f"its DAG would be {key}, as that of the CronJob {other.name} at {other.file}:{other.line}"
            problem = manifest.problem(("metadata", "name"), message)
            loaded.refused.append((manifest, [problem]))
            loaded.problems.append(problem)
        else:
            loaded.cronjobs[key] = CronJob(key, manifest, settings)
