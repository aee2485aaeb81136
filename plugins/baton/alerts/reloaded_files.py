"""The two files of the receiver, read again when they change; a broken one does not take the last good one away."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from baton.alerts.credentials import Credential, read_credentials
from baton.alerts.routes import Routes, RoutesError, read_routes
from baton.data_file import DataFileError, read_text
from baton.exceptions import PermanentError

log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
T = TypeVar("T")


class ReloadedFile(Generic[T]):
    """What a file says.

    :param read: makes the value of the file; raises PermanentError if it cannot be used.
    """

    def __init__(self, path: Path | None, read: Callable[[Path], T]) -> None:
        self.path, self._read = path, read
        self.value: T | None = None
        self.problem = "" if path else "no file is named"
        self._lock = threading.Lock()
        self._looked_at = -_LOOK_SECONDS
        self._version: tuple[int, ...] | None = None

    def current(self) -> T | None:
        """The last good value; None if there was none since the start. `problem` says what is wrong now."""
        with self._lock:
            if self.path is not None and time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                self._look(self.path)
                self._looked_at = time.monotonic()
            return self.value

    def _look(self, path: Path) -> None:
        version = _version(path)
        if version == self._version and version is not None:
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


def watch_routes(path: Path | None) -> ReloadedFile[Routes]:
    """The routes of a file."""
    return ReloadedFile(path, routes_of)


def routes_of(path: Path) -> Routes:
    """Read a file of routes.

    :raises RoutesError: it cannot be used; the message names file and place.
    """
    try:
        text = read_text(path)
    except DataFileError as err:
        raise RoutesError(str(err)) from err
    try:
        return read_routes(text)
    except RoutesError as err:
        raise RoutesError(f"{path}: {err}") from err


def watch_credentials(path: Path | None) -> ReloadedFile[list[Credential]]:
    """The senders of a file."""
    return ReloadedFile(path, read_credentials)
