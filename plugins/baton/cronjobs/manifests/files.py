"""Find the CronJobs in manifest files, and say of everything else why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baton.cronjobs.manifests.yaml_documents import Document, DocumentError, read_documents, written
from baton.cronjobs.manifests.yaml_documents import Path as FieldPath

Object = dict[str, Any]
_SUFFIXES = (".yaml", ".yml", ".json")
SETTINGS_SUFFIXES = (".baton.yaml", ".baton.yml")
CHAINS_FILE = "chains.yaml"
_SCHEMA_SUFFIX = ".schema.json"
_NO_MANIFESTS = ("kustomization.yaml", "kustomization.yml", "Chart.yaml", "values.yaml", CHAINS_FILE)
"""Files that lie beside manifests and are none."""
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
    """

    manifests: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    files: int = 0


def read_manifests(paths: Iterable[Path]) -> Found:
    """Read files, and the files in folders.

    :param paths: a path that does not exist is a problem, not an error.
    """
    found = Found()
    for path in paths:
        files = sorted(manifest_files(path)) if path.is_dir() else [path]
        for file in files:
            found.files += 1
            _read_file(file, found)
    return found


def manifest_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, and of those in it, that may hold manifests."""
    for file in folder.rglob("*"):
        hidden = _is_hidden(file, folder)
        other = file.name in _NO_MANIFESTS or file.name.endswith((*SETTINGS_SUFFIXES, _SCHEMA_SUFFIX))
        if file.suffix in _SUFFIXES and not hidden and not other and file.is_file():
            yield file


def chains_files(folder: Path) -> Iterator[Path]:
    """Yield each `chains.yaml` of a folder and of those in it."""
    return (file for file in folder.rglob(CHAINS_FILE) if file.is_file() and not _is_hidden(file, folder))


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def read_text(file: Path) -> str | Problem:
    """The text of a file, or why it has none."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        return Problem(str(file), None, "", f"is not UTF-8 (byte {err.start})")
    except OSError as err:
        return Problem(str(file), None, "", f"cannot be read: {err.strerror}")
    return _BYTE_ORDER_MARK.sub("", text)


def mentions(text: str, name: str) -> bool:
    """Whether a name stands in a text that cannot be read otherwise."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


def _read_file(file: Path, found: Found) -> None:
    text = read_text(file)
    if isinstance(text, Problem):
        found.problems.append(text)
        return
    for document in read_documents(text):
        if isinstance(document, DocumentError):
            found.problems.append(Problem(str(file), document.line, "", str(document)))
        else:
            _sort(str(file), document, document.content, (), found)


def _sort(file: str, document: Document, content: Any, path: FieldPath, found: Found) -> None:
    """Put an object where it belongs; a List is opened."""
    line = document.line(path)
    if not isinstance(content, dict):
        found.problems.append(Problem(file, line, written(path), "is no Kubernetes object, which is a mapping"))
        return
    kind = content.get("kind")
    if not isinstance(kind, str) or not kind:
        hint = "every Kubernetes object has apiVersion and kind"
        found.problems.append(Problem(file, line, written((*path, "kind")), f"is missing: {hint}"))
    elif kind == "CronJob" and "." not in _group(content):
        found.manifests.append(Manifest(file, document, content, path))
    elif kind.endswith("List") and isinstance(content.get("items"), list):
        for position, item in enumerate(_items(content)):
            _sort(file, document, item, (*path, "items", position), found)
    else:
        name = _text((content.get("metadata") or {}).get("name")) if isinstance(content.get("metadata"), dict) else ""
        found.others.append(Other(file, line, kind, name))


def _items(content: Object) -> Sequence[Any]:
    """The items of a List; those of a CronJobList may leave out what they are, as an answer of the API does."""
    kind = content["kind"].removesuffix("List")
    if not kind:
        return list(content["items"])
    implied = {"apiVersion": content.get("apiVersion"), "kind": kind}
    return [{**implied, **item} if isinstance(item, dict) else item for item in content["items"]]


def _group(content: Object) -> str:
    """The API group; a CronJob without any is taken for one of Kubernetes.

    So is one of a group without a dot, such as v1 or apps/v1, which nobody but Kubernetes may have: it is a mistake.
    """
    version = content.get("apiVersion")
    return version.rpartition("/")[0] if isinstance(version, str) and version else "batch"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
