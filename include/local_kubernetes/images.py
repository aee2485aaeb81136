"""Which runtime of this machine stands for an image: the images file, which users edit.

The first entry whose pattern fits wins. A pattern is a shell pattern on the image's name; the registry's host may be
left out, and a pattern without a tag fits every tag.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from plain_yaml import load

from .dockerfile import ImageConfig, read

_DEFAULT = """\
# Which runtime of this machine stands for which image. Images are not pulled here. The first entry that fits wins;
# edits count at once, also for pods that wait.
images:
  - match: "*"            # every image: the system's own programs, and these first
    path: ["{bin}"]
    command: ["sh"]
"""
_FIELDS = {"match", "dockerfile", "path", "env", "workdir", "entrypoint", "command", "user"}


class ImagesFileError(Exception):
    """The images file cannot be used; the message says where and why."""


class NoRuntimeError(Exception):
    """No entry fits an image; the message names the file to edit."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What an image brings along.

    :param path: directories put before the system's PATH.
    :param workdir: where commands start; None leaves it to the isolation level.
    :param entrypoint: what runs before ``args`` when the container has no ``command``.
    :param command: default arguments, when the container has neither ``command`` nor ``args``.
    :param user: who its commands run as on a cluster; None where that is not known. Here they run as you.
    :param dockerfile: the file that the image is built from; what the entry itself says wins over it.
    """

    match: str
    path: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str | None = None
    dockerfile: Path | None = None


class Images:
    """The images file, read again when it has changed.

    :param variables: what ``{name}`` stands for in the file, such as ``{"venv": "/opt/venv"}``.
    :raises ImagesFileError: from the constructor and from ``find``.
    """

    def __init__(self, path: Path, variables: Mapping[str, str]) -> None:
        self.path = path
        self._variables = variables
        self._stamp: tuple[tuple[int, int], ...] = ()
        self._runtimes: list[Runtime] = []
        self._refresh()

    def find(self, image: str) -> Runtime:
        """The runtime for an image.

        :raises NoRuntimeError: no entry fits.
        """
        self._refresh()
        names = candidates(image)
        for runtime in self._runtimes:
            if any(fnmatchcase(name, runtime.match) for name in names):
                return runtime
        raise NoRuntimeError(
            f'no runtime for the image "{image}": images are not pulled here, each stands for a runtime of this '
            f"machine. Add an entry that matches it to {self.path}"
        )

    def _refresh(self) -> None:
        try:
            if self._stamp != self._now():
                self._runtimes = parse(self.path.read_text(), self._variables)
                self._stamp = self._now()
        except (OSError, ValueError) as err:
            raise ImagesFileError(f"the images file {self.path} cannot be used: {err}") from err

    def _now(self) -> tuple[tuple[int, int], ...]:
        """When the file and the Dockerfiles that it names were changed."""
        files = (self.path, *(runtime.dockerfile for runtime in self._runtimes if runtime.dockerfile))
        return tuple(_changed(file) for file in files)


def _changed(file: Path) -> tuple[int, int]:
    try:
        info = file.stat()
    except FileNotFoundError:  # who reads it says so
        return 0, 0
    return info.st_mtime_ns, info.st_size


def write_default(path: Path) -> None:
    """Make an images file to begin with, if there is none: every image is this interpreter's environment."""
    if not path.exists():
        path.write_text(_DEFAULT.replace("{bin}", os.path.dirname(sys.executable)))


def candidates(image: str) -> tuple[str, ...]:
    """The names a pattern may fit: with and without the registry's host, with and without tag and digest."""
    name = image.split("@", 1)[0]
    first, _, rest = name.partition("/")
    is_host = rest and ("." in first or ":" in first or first == "localhost")
    names = [image, name]
    if is_host:
        names.append(rest.removeprefix("library/"))
    untagged = [head for head, separator, tag in (n.rpartition(":") for n in names) if separator and "/" not in tag]
    return tuple(dict.fromkeys([*names, *untagged]))


def parse(text: str, variables: Mapping[str, str]) -> list[Runtime]:
    """The runtimes of an images file's text, in its order.

    :raises ValueError: an entry is wrong; the message says which.
    """
    content = load(text) or {}
    entries = content.get("images") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError('it has no list "images"')
    return [_runtime(entry, position, variables) for position, entry in enumerate(entries, start=1)]


def _runtime(entry: Any, position: int, variables: Mapping[str, str]) -> Runtime:
    if not isinstance(entry, dict) or not isinstance(entry.get("match"), str):
        raise ValueError(f'entry {position} of "images" has no "match"')
    unknown = set(entry) - _FIELDS
    if unknown:
        raise ValueError(f"entry {position} ({entry['match']}): unknown {', '.join(sorted(unknown))}")

    def fill(value: Any) -> str:
        try:
            return str(value).format_map(variables)
        except KeyError as err:
            known = ", ".join(sorted(variables)) or "none"
            raise ValueError(f"entry {position} ({entry['match']}): no variable {err} (known: {known})") from err

    def words(name: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(fill(value) for value in entry.get(name) or ()) if name in entry else otherwise

    dockerfile = Path(fill(entry["dockerfile"])) if "dockerfile" in entry else None
    image = read(dockerfile) if dockerfile else ImageConfig()
    workdir = entry.get("workdir")
    return Runtime(
        match=entry["match"],
        path=words("path", ()),
        env={**image.env, **{str(name): fill(value) for name, value in (entry.get("env") or {}).items()}},
        workdir=fill(workdir) if workdir else image.workdir,
        entrypoint=words("entrypoint", image.entrypoint),
        command=words("command", image.command),
        user=fill(entry["user"]) if "user" in entry else image.user,
        dockerfile=dockerfile,
    )
