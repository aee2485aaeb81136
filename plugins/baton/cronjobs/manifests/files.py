"""Find the CronJobs in manifest files, and say of everything else why it is none."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baton.cronjobs.manifests.objects import advice_for_template, group_of, holds_cronjobs, items_of, why_no_object
from baton.cronjobs.manifests.sources import CHART, KUSTOMIZATIONS, Listing, Source, list_folder, source_of, walk
from baton.cronjobs.manifests.unfilled import IMPORT
from baton.cronjobs.manifests.yaml_documents import Document, DocumentError, read_documents, written
from baton.cronjobs.manifests.yaml_documents import Path as FieldPath

Object = dict[str, Any]
_SUFFIXES = (".yaml", ".yml", ".json")
SETTINGS_SUFFIXES = (".baton.yaml", ".baton.yml")
CHAINS_FILES = ("chains.yaml", "chains.yml")
STANDARD_INPUT = Path("-")
_SCHEMA_SUFFIX = ".schema.json"
_NO_MANIFESTS = (*KUSTOMIZATIONS, CHART, "values.yaml", *CHAINS_FILES)
"""Files that lie beside manifests and are none."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK = re.compile("^\ufeff", re.MULTILINE)
"""Also within a file: of files that were written one after the other."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that has to be fixed, and where.

    :param line: counted from 1; None where the file as a whole is meant.
    :param path: the field, as Kubernetes writes it; empty where none is meant.
    """

    file: str
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        """One line that editors can jump from."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (where, self.path, self.message) if part)


@dataclass(frozen=True, slots=True)
class Other:
    """A Kubernetes object that is no CronJob; nothing is made of it."""

    file: str
    line: int
    kind: str
    name: str


@dataclass(frozen=True)
class Manifest:
    """One CronJob in a file.

    :param path: where in the document it stands; `("items", 2)` in a List.
    """

    file: str
    document: Document
    content: Object
    path: FieldPath = ()

    @property
    def name(self) -> str:
        """`metadata.name`; empty when it has none."""
        return _text(self._metadata.get("name"))

    @property
    def namespace(self) -> str | None:
        """`metadata.namespace`."""
        return _text(self._metadata.get("namespace")) or None

    @property
    def annotations(self) -> dict[str, str]:
        """`metadata.annotations`."""
        given = self._metadata.get("annotations")
        return given if isinstance(given, dict) else {}

    @property
    def spec(self) -> Object:
        """`spec`; empty when it is none."""
        given = self.content.get("spec")
        return given if isinstance(given, dict) else {}

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.document.line(self.path)

    @property
    def _metadata(self) -> Object:
        given = self.content.get("metadata")
        return given if isinstance(given, dict) else {}

    def line_of(self, path: FieldPath) -> int:
        """The line of one of its fields."""
        return self.document.line((*self.path, *path))

    def problem(self, path: FieldPath, message: str) -> Problem:
        """A problem with one of its fields."""
        return Problem(self.file, self.line_of(path) or None, written(path), message)


@dataclass
class Found:
    """What is in some files.

    :param manifests: the CronJobs, in the order of files and lines.
    :param problems: what could not be read.
    :param others: objects that are no CronJobs.
    :param files: how many files were looked at.
    :param filled: sources that a program has filled in for this reading; DAGs cannot be made of them.
    """

    manifests: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    files: int = 0
    filled: list[Source] = field(default_factory=list)


Filler = Callable[[Source], str | None]
"""Prints what a source becomes; None where there is no such program.

It raises an OSError with the reason where the program fails.
"""


Mend = Callable[[str, str], str]
"""Gives for the name of a file and its text the text that is read instead."""


@dataclass(frozen=True, slots=True)
class _Means:
    """What is done beside reading."""

    fill: Filler | None
    mend: Mend | None


def read_manifests(paths: Iterable[Path], fill: Filler | None = None, mend: Mend | None = None) -> Found:
    """Read files, and the files in folders; `-` is the standard input.

    :param paths: a path that does not exist is a problem, not an error.
    :param fill: fills in what only a program can; without it, such a folder is a problem.
    :param mend: repairs each text before it is read.
    """
    found, means = Found(), _Means(fill, mend)
    for path in paths:
        if path == STANDARD_INPUT:
            found.files += 1
            _read_text(_standard_input(), "standard input", found, means)
        elif os.path.isdir(path):
            _read_folder(list_folder(path), found, means)
        elif (source := source_of(path)) is not None:
            _read_source(source, found, means)
        elif path.name in CHAINS_FILES:
            found.files += 1
            found.problems.append(Problem(str(path), None, "", "is read with the manifests: name the folder it is in"))
        else:
            found.files += 1
            _read_text(read_text(path), str(path), found, means)
    return found


def _read_folder(listing: Listing, found: Found, means: _Means) -> None:
    for folder, why in listing.unreadable:
        found.problems.append(Problem(str(folder), None, "", f"cannot be looked into: {why}"))
    for file in sorted(file for file in listing.files if _may_hold_manifests(file)):
        found.files += 1
        _read_text(read_text(file), str(file), found, means)
    for source in listing.sources:
        _read_source(source, found, means)


def _may_hold_manifests(file: Path) -> bool:
    other = file.name in _NO_MANIFESTS or file.name.endswith((*SETTINGS_SUFFIXES, _SCHEMA_SUFFIX))
    return file.suffix in _SUFFIXES and not other and file.is_file()


def _read_source(source: Source, found: Found, means: _Means) -> None:
    found.files += 1
    file = str(source.file)
    if not source.of_cronjobs:
        found.others.append(Other(file, 1, f"folder of {source.kind}", source.file.parent.name))
        return
    try:
        text = means.fill(source) if means.fill else None
    except OSError as err:
        found.problems.append(Problem(file, None, "", f"`{' '.join(source.command)}` fails: {err}"))
        return
    if text is None:
        found.problems.append(Problem(file, None, "", source.advice))
    else:
        found.filled.append(source)
        _read_text(text, f"`{' '.join(source.command)}`", found, means)


def chains_files(folder: Path) -> Iterator[Path]:
    """Yield each `chains.yaml` of a folder and of those in it."""
    return (here / name for here, names in walk(folder, []) for name in names if name in CHAINS_FILES)


def _standard_input() -> str | Problem:
    try:
        return _BYTE_ORDER_MARK.sub("", sys.stdin.buffer.read().decode())
    except UnicodeDecodeError as err:
        return Problem("standard input", None, "", _no_text(err))


def _no_text(err: UnicodeDecodeError) -> str:
    hint = ": UTF-16, as PowerShell's > writes it; write it as UTF-8" if err.object.startswith(_UTF_16) else ""
    return f"is not UTF-8 (byte {err.start}){hint}"


def read_text(file: Path) -> str | Problem:
    """The text of a file, or why it has none."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        return Problem(str(file), None, "", _no_text(err))
    except OSError as err:
        return Problem(str(file), None, "", f"cannot be read: {err.strerror}")
    return _BYTE_ORDER_MARK.sub("", text)


def mentions(text: str, name: str) -> bool:
    """Whether a name stands in a text that cannot be read otherwise."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


def _read_text(text: str | Problem, file: str, found: Found, means: _Means) -> None:
    if isinstance(text, Problem):
        found.problems.append(text)
        return
    if means.mend is not None:
        text = means.mend(file, text)
    for document in read_documents(text):
        if isinstance(document, DocumentError):
            found.problems.append(Problem(file, document.line, "", str(document)))
        else:
            _sort(file, document, document.content, (), found)


def _sort(file: str, document: Document, content: Any, path: FieldPath, found: Found) -> None:
    """Put an object where it belongs; a List is opened."""
    kind = str(content.get("kind")) if isinstance(content, dict) else ""
    if kind == "CronJob" and document.ytt_line is not None:
        message = f"ytt's #@ was not filled in: import what this prints: ytt -f {file} | {IMPORT}"
        found.problems.append(Problem(file, document.ytt_line, written(path), message))
    elif kind == "CronJob" and "." not in group_of(content):
        found.manifests.append(Manifest(file, document, content, path))
    elif why := why_no_object(content):
        where = (*path, "kind") if isinstance(content, dict) else path
        found.problems.append(Problem(file, document.line(where), written(where), why))
    elif kind.endswith("List") and isinstance(content.get("items"), list):
        for position, item in enumerate(items_of(content)):
            _sort(file, document, item, (*path, "items", position), found)
    elif kind == "Template" and holds_cronjobs(content.get("objects")):
        found.problems.append(Problem(file, document.line(path), written(path), advice_for_template(file, content)))
    else:
        name = _text((content.get("metadata") or {}).get("name")) if isinstance(content.get("metadata"), dict) else ""
        found.others.append(Other(file, document.line(path), kind, name))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
