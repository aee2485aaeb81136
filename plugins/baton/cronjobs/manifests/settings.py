"""What Airflow adds to a CronJob: owner, notifier, deadline, pool, what it follows.

From annotations of the CronJob (``baton.dev/owner: data-team``) or, where the manifest must not change, from a file
beside it: ``etl.baton.yaml`` beside ``etl.yaml``, a mapping of CronJob name → settings. What the file says wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from baton.cronjobs.manifests.files import SETTINGS_SUFFIXES, Manifest, Problem, mentions, read_text
from baton.cronjobs.manifests.scalars import TextLoader
from baton.cronjobs.manifests.yaml_documents import Document, DocumentError, read_documents
from kubernetes_cron.durations import parse_duration

PREFIX = "baton.dev/"
_ANNOTATIONS = ("metadata", "annotations")


@dataclass(frozen=True, slots=True)
class Settings:
    """What Airflow adds to a CronJob.

    :param owner: whose DAG it is.
    :param notifier: who hears of a failure: `mail`, `slack:CHANNEL`, `none` or the import path of a notifier.
    :param deadline: how long a run may take from the moment it is queued until somebody is notified.
    :param pool: which pool its task takes a slot of.
    :param after: names of the CronJobs that it follows, instead of the clock.
    :param tags: more tags of the DAG.
    """

    owner: str | None = None
    notifier: str | None = None
    deadline: timedelta | None = None
    pool: str | None = None
    after: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class _SettingError(ValueError):
    """A setting has a value that means nothing."""


def read_settings(manifest: Manifest, beside: SettingsFile) -> tuple[Settings, list[Problem]]:
    """The settings of a CronJob, and what is wrong with them."""
    settings, problems = Settings(), []
    given = {key.removeprefix(PREFIX): value for key, value in manifest.annotations.items() if key.startswith(PREFIX)}
    for name, value in given.items():
        try:
            settings = _with(settings, name, value)
        except _SettingError as err:
            problems.append(manifest.problem((*_ANNOTATIONS, PREFIX + name), str(err)))
    problems += beside.hiding(manifest.name)
    for name, value in beside.of(manifest.name).items():
        try:
            settings = _with(settings, name, value)
        except _SettingError as err:
            problems.append(beside.problem(manifest.name, name, str(err)))
    return settings, problems


def _with(settings: Settings, name: str, value: Any) -> Settings:
    read = _READERS.get(name)
    if read is None:
        raise _SettingError(f"unknown setting; there are {', '.join(_READERS)}")
    return replace(settings, **{name: read(value)})


def _one_word(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _SettingError("must be a text")
    return value.strip()


def _words(value: Any) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise _SettingError("must be names, separated by commas")
    return tuple(words)


def _duration(value: Any) -> timedelta:
    try:
        nanoseconds = parse_duration(value) if isinstance(value, str) else 0
    except ValueError as err:
        raise _SettingError(f"{err}; write 90m or 1h30m") from err
    if nanoseconds <= 0:
        raise _SettingError("must be a duration such as 90m or 1h30m")
    return timedelta(microseconds=nanoseconds // 1000)


def _notifier(value: Any) -> str:
    word = _one_word(value)
    if word in ("mail", "none") or word.startswith("slack:") or ("." in word and ":" not in word):
        return word
    raise _SettingError(f"{word!r} is no notifier: mail, slack:CHANNEL, none or the import path of a notifier class")


_READERS: dict[str, Callable[[Any], Any]] = {
    "owner": _one_word,
    "notifier": _notifier,
    "deadline": _duration,
    "pool": _one_word,
    "after": _words,
    "tags": _words,
}


class SettingsFile:
    """The file beside a manifest, if there is one.

    :param manifest: the manifest's file.
    """

    def __init__(self, manifest: Path) -> None:
        self.problems: list[Problem] = []
        self._document: Document | None = None
        self._content: Mapping[str, Any] = {}
        self._unread = ""
        candidates = (manifest.with_name(manifest.stem + suffix) for suffix in SETTINGS_SUFFIXES)
        self.file = next((file for file in candidates if file.is_file()), None)
        if self.file is not None:
            self._read(self.file)

    def hiding(self, name: str) -> list[Problem]:
        """Why nobody knows what it says of a CronJob that it mentions, such as whom that one follows."""
        if self._unread and mentions(self._unread, name):
            return self.problems
        if name in self._content and not isinstance(self._content[name], dict):
            line = self._document.line((name,)) if self._document else None
            return [Problem(str(self.file), line, name, "must be a mapping of settings")]
        return []

    def of(self, name: str) -> Mapping[str, Any]:
        """What it says of one CronJob."""
        found = self._content.get(name)
        return found if isinstance(found, dict) else {}

    def problem(self, name: str, setting: str, message: str) -> Problem:
        """A problem with a setting."""
        line = self._document.line((name, setting)) if self._document else None
        return Problem(str(self.file), line, f"{name}.{setting}", message)

    def unknown(self, names: set[str]) -> list[Problem]:
        """What it says of CronJobs that its manifest does not hold."""
        message = "no CronJob of this name is in the manifest beside it"
        line = self._document.line if self._document else lambda path: None
        return [Problem(str(self.file), line((name,)), name, message) for name in self._content if name not in names]

    def _read(self, file: Path) -> None:
        text = read_text(file)
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        for document in read_documents(text, TextLoader):
            if isinstance(document, DocumentError):
                self.problems.append(Problem(str(file), document.line, "", str(document)))
            elif not isinstance(document.content, dict) or self._document is not None:
                self.problems.append(Problem(str(file), document.line(), "", "must be one mapping: CronJob → settings"))
            else:
                self._document, self._content = document, document.content
        if self.problems:
            self._unread = text
