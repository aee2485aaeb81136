"""The receiver's files, read again when they change; a broken one does not take the last good one away.

Routes, credentials, and the mappings of an installation's own senders: a folder with one file `NAME.yaml` for each
address `/alerts/v1/NAME`. One of those takes the place of a sender that Baton brings by the same name.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from baton.alerts.credentials import Credential, read_credentials
from baton.alerts.mapping import MappingError, read_mapping
from baton.alerts.routes import Routes, RoutesError, read_routes
from baton.alerts.senders import ENDPOINTS, SENDERS, Sender, of_mapping
from baton.data_file import DataFileError, read_text
from baton.exceptions import PermanentError

log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_NAME = re.compile("[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?")
_MAX_MAPPINGS = 200
T = TypeVar("T")


class ReloadedFile(Generic[T]):
    """What a file says.

    :param read: makes the value of the file; raises PermanentError if it cannot be used.
    :param with_: what else the value depends on: when it changes, the file is read again.
    """

    def __init__(
        self, path: Path | None, read: Callable[[Path], T], with_: Callable[[], tuple[str, ...]] = tuple
    ) -> None:
        self.path, self._read, self._with = path, read, with_
        self.value: T | None = None
        self.problem = "" if path else "no file is named"
        self._lock = threading.Lock()
        self._looked_at = -_LOOK_SECONDS
        self._version: tuple[object, ...] | None = None

    def current(self) -> T | None:
        """The last good value; None if there was none since the start. `problem` says what is wrong now."""
        with self._lock:
            if self.path is not None and time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                self._look(self.path)
                self._looked_at = time.monotonic()
            return self.value

    def _look(self, path: Path) -> None:
        version = (_version(path), *self._with())
        if version == self._version and version[0] is not None:
            return
        try:
            self.value = self._read(path)
            self.problem = ""
        except PermanentError as err:
            self._complain(str(err))
        except Exception as err:  # whatever stands in a file, the receiver goes on with the last good one
            self._complain(f"{path} cannot be used: {_defect(err)}")
        self._version = version

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            kept = "the last good one stays in use" if self.value is not None else "there is none to go on with"
            log.error("%s; %s", problem, kept)
        self.problem = problem


def _defect(err: Exception) -> str:
    """An error that nobody foresaw, without its text, which may quote the file's secrets."""
    place = traceback.extract_tb(err.__traceback__)[-1]
    return f"{type(err).__name__} in {Path(place.filename).name}, line {place.lineno}; please report this"


def _version(path: Path) -> tuple[int, ...] | None:
    """Tells versions of a file apart; a mounted Secret changes by a link to another file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def watch_routes(
    path: Path | None, endpoints: Callable[[], tuple[str, ...]] = lambda: ENDPOINTS
) -> ReloadedFile[Routes]:
    """The routes of a file.

    :param endpoints: gives the senders that routes may name.
    """
    return ReloadedFile(path, lambda found: routes_of(found, endpoints()), endpoints)


def routes_of(path: Path, endpoints: Collection[str] = ENDPOINTS) -> Routes:
    """Read a file of routes.

    :raises RoutesError: it cannot be used; the message names file and place.
    """
    try:
        text = read_text(path)
    except DataFileError as err:
        raise RoutesError(str(err)) from err
    try:
        return read_routes(text, endpoints)
    except RoutesError as err:
        raise RoutesError(f"{path}: {err}") from err


def watch_credentials(path: Path | None) -> ReloadedFile[list[Credential]]:
    """The senders of a file."""
    return ReloadedFile(path, read_credentials)


class ReloadedSenders:
    """The senders that Baton brings, and those of a folder of mappings."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, ReloadedFile[Sender]] = {}
        self._problem = ""
        self._lock = threading.Lock()
        self._looked_at = -_LOOK_SECONDS

    def current(self) -> Mapping[str, Sender]:
        """All senders, by the name of their address."""
        own = {name: sender for name, file in self._seen().items() if (sender := file.current()) is not None}
        return {**SENDERS, **own}

    def endpoints(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(sorted(self.current()))

    @property
    def problem(self) -> str:
        """What is wrong with files of the folder now, else empty."""
        files = self._seen()
        for file in files.values():
            file.current()
        return "; ".join(filter(None, (self._problem, *(file.problem for file in files.values()))))

    def _seen(self) -> dict[str, ReloadedFile[Sender]]:
        with self._lock:
            if self._folder is not None and time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                self._look(self._folder)
                self._looked_at = time.monotonic()
            return dict(self._files)

    def _look(self, folder: Path) -> None:
        """A file that is gone takes its sender along; what cannot be listed leaves all as it was."""
        try:
            paths = sorted(folder.glob("*.yaml"))
        except OSError as err:
            self._problem = f"{folder} cannot be read: {err.strerror or err}"
            return
        wrong = [path.name for path in paths if not _NAME.fullmatch(path.stem)]
        usable = [path for path in paths if _NAME.fullmatch(path.stem)][:_MAX_MAPPINGS]
        self._problem = f"{folder}: {', '.join(wrong)[:200]}: a name has a-z, 0-9, - and _ only" if wrong else ""
        self._files = {path.stem: self._files.get(path.stem) or ReloadedFile(path, sender_of) for path in usable}


def sender_of(path: Path) -> Sender:
    """Read a file with a mapping.

    :raises MappingError: it cannot be used; the message names file and place.
    """
    try:
        return of_mapping(read_mapping(path.stem, read_text(path)))
    except DataFileError as err:
        raise MappingError(str(err)) from err
    except MappingError as err:
        raise MappingError(f"{path}: {err}") from err
