"""Folders whose files mean nothing by themselves: kustomize's and Helm's. A program fills them in.

A base and its overlay, read as they lie there, become CronJobs that no cluster has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baton.cronjobs.manifests.unfilled import IMPORT
from baton.cronjobs.manifests.yaml_documents import Document, read_documents

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CHART = "Chart.yaml"
_GROUP = "kustomize.config.k8s.io"
_FOLDERS_OR_FILES = ("resources", "bases", "components", "generators", "transformers", "validators", "configurations")
_WITH_PATH = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "crds")
_MENTION = re.compile(r"\bkind[\"']?\s*:\s*[\"']?\s*(?:cron|\{\{)", re.IGNORECASE)
"""An object that is a CronJob, or may be one once it is filled in; a right to some is none."""
_REMOTE = re.compile(r"^[\w.+-]+://|^git@|[?&]ref=|^github\.com/")


@dataclass(frozen=True)
class Source:
    """A folder that a program fills in.

    :param file: by which it is one: `kustomization.yaml`, `Chart.yaml`.
    :param command: prints its manifests.
    :param of_cronjobs: whether CronJobs may be among them.
    """

    kind: str
    file: Path
    command: tuple[str, ...]
    of_cronjobs: bool

    @property
    def advice(self) -> str:
        """What is wrong with reading its files, and what to do."""
        shown = " ".join(self.command)
        kept = f"for Airflow, keep what it prints in a file of this folder: {shown} > cronjobs.yaml"
        return (
            f"is a folder of {self.kind}, which fills its files in: import what this prints: {shown} | {IMPORT}; {kept}"
        )


@dataclass
class Listing:
    """What is in a folder.

    :param files: that may hold manifests, and are what they say.
    :param unreadable: folders that could not be looked into, each with the reason.
    """

    files: list[Path] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def list_folder(folder: Path) -> Listing:
    """Everything in a folder and in those in it, but for what is hidden; links are followed, each folder once."""
    listing = Listing()
    kustomizations: dict[Path, Mapping[str, Any]] = {}
    for here, names in walk(folder, listing.unreadable):
        if CHART in names:
            listing.sources.append(_chart(here))
            continue
        if (file := kustomization_in(here, names)) is not None and (content := _kustomization(file)) is not None:
            kustomizations[file] = content
        listing.files += [here / name for name in names]
    _take_kustomizations(kustomizations, listing)
    return listing


def walk(folder: Path, unreadable: list[tuple[Path, str]]) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder with the names of its files; not those inside a chart.

    :param unreadable: takes the folders that cannot be looked into.
    """
    seen = set[str]()

    def note(err: OSError) -> None:
        unreadable.append((Path(err.filename), err.strerror or str(err)))

    for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
        here, real = Path(place), os.path.realpath(place)
        is_new = real not in seen
        seen.add(real)
        goes_on = is_new and CHART not in names
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if goes_on else []
        if is_new:
            yield here, sorted(name for name in names if not name.startswith("."))


def kustomization_in(folder: Path, names: list[str]) -> Path | None:
    """The file that makes a folder one of kustomize's, if one of its files may."""
    return next((folder / name for name in KUSTOMIZATIONS if name in names), None)


def source_of(file: Path) -> Source | None:
    """The source that a file stands for which was named by itself; None for any other file."""
    if file.name == CHART:
        return _chart(file.parent)
    if file.name not in KUSTOMIZATIONS or (content := _kustomization(file)) is None:
        return None
    return _kustomize(file, content, {})


def _kustomization(file: Path) -> Mapping[str, Any] | None:
    """What a kustomization says; None if the file is another thing of that name, such as Flux's."""
    try:
        documents = list(read_documents(file.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return {}
    for document in documents:
        if isinstance(document, Document) and isinstance(document.content, dict):
            version = str(document.content.get("apiVersion") or _GROUP)
            return document.content if version.startswith(_GROUP) else None
    return {}


def _take_kustomizations(found: Mapping[Path, Mapping[str, Any]], listing: Listing) -> None:
    used = {path for file, content in found.items() for path in _named(file, content)}
    for file, content in found.items():
        is_part = content.get("kind") == "Component" or os.path.realpath(file.parent) in used
        if not is_part:
            listing.sources.append(_kustomize(file, content, found))
    taken = used | {os.path.realpath(file) for file in found}
    listing.files = [file for file in listing.files if os.path.realpath(file) not in taken]


def _kustomize(file: Path, content: Mapping[str, Any], all_of: Mapping[Path, Mapping[str, Any]]) -> Source:
    texts = [os.path.realpath(file), *_reached(file, content, {os.path.realpath(each.parent): each for each in all_of})]
    of_cronjobs = _is_remote(content) or any(_mentions(Path(text)) for text in texts)
    return Source("kustomize", file, ("kubectl", "kustomize", str(file.parent)), of_cronjobs)


def _reached(file: Path, content: Mapping[str, Any], folders: Mapping[str, Path]) -> Iterator[str]:
    """Every file that a kustomization leads to, by real path."""
    open_folders, seen = [(file, content)], set[str]()
    while open_folders:
        for path in _named(*open_folders.pop()):
            if path in seen:
                continue
            seen.add(path)
            inner = folders.get(path) or kustomization_in(Path(path), os.listdir(path) if os.path.isdir(path) else [])
            if inner is not None:
                open_folders.append((inner, _kustomization(inner) or {}))
                yield os.path.realpath(inner)
            elif os.path.isfile(path):
                yield path


def _named(file: Path, content: Mapping[str, Any]) -> Iterator[str]:
    """The real paths of the files and folders that a kustomization names."""
    for key in (*_FOLDERS_OR_FILES, *_WITH_PATH):
        given = content.get(key)
        for each in given if isinstance(given, list) else []:
            name = each.get("path") if isinstance(each, dict) else each
            if isinstance(name, str) and "\n" not in name and not _REMOTE.search(name):
                yield os.path.realpath(file.parent / name)


def _is_remote(content: Mapping[str, Any]) -> bool:
    """Whether a part of it lies elsewhere, where nobody can look without fetching it."""
    names = [each for key in ("resources", "bases", "components") for each in content.get(key) or []]
    return bool(content.get("helmCharts")) or any(isinstance(name, str) and _REMOTE.search(name) for name in names)


def _chart(folder: Path) -> Source:
    templates = folder / "templates"
    of_cronjobs = any(_mentions(file) for file in sorted(templates.rglob("*")) if file.is_file())
    has_parts = (folder / "charts").is_dir()
    return Source("Helm", folder / CHART, ("helm", "template", folder.name, str(folder)), of_cronjobs or has_parts)


def _mentions(file: Path) -> bool:
    try:
        return _MENTION.search(file.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return True
