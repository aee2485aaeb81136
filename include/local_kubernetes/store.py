"""All objects: in memory for reading, in SQLite for the next start, with a log of changes for watches.

Why both: a poll of one pod is a dictionary look-up that hands out ready bytes, and ``kill -9`` loses nothing.
Stored objects are never changed in place; whoever wants another state stores another object.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ApiError, conflict, expired

Object = dict[str, Any]
HISTORY = 1024  # changes remembered for watches that resume

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 1);
"""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Where an object lives. ``resource`` is the plural with its group: ``pods``, ``jobs.batch``."""

    resource: str
    namespace: str
    name: str


def pod_key(pod: Object) -> Key:
    """Return where a pod lives."""
    return Key("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the log. ``before`` is None for ADDED; for DELETED ``object`` is the last state."""

    type: str
    version: int
    key: Key
    object: Object
    before: Object | None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object and its JSON, made once for all readers."""

    object: Object
    raw: bytes


def encode(body: Any) -> bytes:
    """JSON as it goes over the wire: no blanks."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


class Store:
    """Objects by key, one growing version for all of them.

    :param path: the SQLite file; made if missing.
    :raises sqlite3.DatabaseError: the file is damaged or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._buckets: dict[str, dict[tuple[str, str], Stored]] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._listeners: list[Callable[[Change], None]] = []
        self._database = sqlite3.connect(path, isolation_level=None)
        try:
            self.version: int = self._read()
        except sqlite3.DatabaseError:
            self._database.close()
            raise
        self._history_start = self.version

    def _read(self) -> int:
        self._database.executescript(_SCHEMA)
        for resource, namespace, name, body in self._database.execute("SELECT * FROM objects"):
            self._bucket(resource)[namespace, name] = Stored(json.loads(body), body.encode())
        return int(self._database.execute("SELECT version FROM counter").fetchone()[0])

    def close(self) -> None:
        """Write everything out; the store cannot be used afterwards."""
        self._database.close()

    def get(self, key: Key) -> Stored | None:
        """The object, or None."""
        return self._bucket(key.resource).get((key.namespace, key.name))

    def objects(self, resource: str, namespace: str | None = None) -> list[Object]:
        """Objects of one resource, by namespace and name; ``namespace=None`` means all of them."""
        bucket = self._bucket(resource)
        keys = sorted(key for key in bucket if namespace is None or key[0] == namespace)
        return [bucket[key].object for key in keys]

    def resources(self) -> list[str]:
        """The resources of which there is, or was, an object."""
        return list(self._buckets)

    def keys_in(self, namespace: str) -> Iterator[Key]:
        """Every key of a namespace, whatever the resource."""
        for resource, bucket in list(self._buckets.items()):
            yield from (Key(resource, *key) for key in list(bucket) if key[0] == namespace)

    def put(self, key: Key, body: Object, expected_version: str | None = None) -> Stored:
        """Store an object under the next version, new or in place of an older one.

        :param expected_version: the version the caller has read; another one in the store is a conflict.
        :raises ApiError: 409, the object has changed or is gone.
        """
        before = self.get(key)
        if expected_version is not None:
            self._check_version(key, before, expected_version)
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version + 1)}}
        stored = Stored(body, encode(body))
        self._write(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
            (key.resource, key.namespace, key.name, stored.raw.decode()),
        )
        self._bucket(key.resource)[key.namespace, key.name] = stored
        kind = "MODIFIED" if before else "ADDED"
        self._record(Change(kind, self.version, key, body, before.object if before else None))
        return stored

    def remove(self, key: Key) -> Object | None:
        """Forget an object; None if it was not there. Its last state carries the version of its end."""
        before = self.get(key)
        if before is None:
            return None
        self._write(
            "DELETE FROM objects WHERE (resource, namespace, name) = (?, ?, ?)",
            (key.resource, key.namespace, key.name),
        )
        del self._bucket(key.resource)[key.namespace, key.name]
        last = {**before.object, "metadata": {**before.object["metadata"], "resourceVersion": str(self.version)}}
        self._record(Change("DELETED", self.version, key, last, before.object))
        return last

    def listen(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back on each change, in order; the returned function ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def changes_since(self, version: int) -> list[Change]:
        """What happened after a version.

        :raises ApiError: 410, the log does not reach back that far (it begins anew with each start).
        """
        if version < self._history_start:
            raise expired(f"too old resource version: {version} ({self._history_start})")
        return [change for change in self._history if change.version > version]

    def _bucket(self, resource: str) -> dict[tuple[str, str], Stored]:
        return self._buckets.setdefault(resource, {})

    @staticmethod
    def _check_version(key: Key, before: Stored | None, expected: str) -> None:
        if before is None or before.object["metadata"]["resourceVersion"] != expected:
            plural, _, group = key.resource.partition(".")
            raise conflict(plural, key.name, group=group)

    def _write(self, statement: str, values: tuple[str, ...]) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(statement, values)
            self._database.execute("UPDATE counter SET version = ?", (self.version + 1,))
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as err:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise ApiError(500, "InternalError", f"the state could not be written to disk: {err}") from err
        self.version += 1

    def _record(self, change: Change) -> None:
        if len(self._history) == HISTORY:
            self._history_start = self._history[0].version
        self._history.append(change)
        for callback in list(self._listeners):
            callback(change)
