"""Asynchronous calls on disk: an accepted one survives any kill until its result is delivered.

A call that a kill interrupts runs again from its beginning, as on OpenFaaS' queue: at least once, never silently lost.
One whose answer is known is not run again, only its callback is.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from baton_local.gateway.pool import Answer, Request

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, function TEXT NOT NULL, call_id TEXT NOT NULL, callback_url TEXT,
    head TEXT NOT NULL, body BLOB NOT NULL, answer TEXT, answer_body BLOB, seconds REAL
);
CREATE INDEX IF NOT EXISTS waiting ON calls (function, id) WHERE answer IS NULL;
"""


@dataclass(frozen=True)
class QueuedCall:
    """One accepted call.

    :param callback_url: where its answer is posted; None where nobody wants it.
    """

    number: int
    function: str
    call_id: str
    callback_url: str | None
    request: Request


@dataclass(frozen=True)
class Answered:
    """A call that was made, and whose callback is yet to be delivered."""

    call: QueuedCall
    answer: Answer
    seconds: float


class CallQueue:
    """The calls of one gateway, in an SQLite file; each change is on disk before its method returns."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(SCHEMA)

    def put(self, function: str, call_id: str, callback_url: str | None, request: Request) -> None:
        """Accept a call."""
        head = [request.method, request.path, dict(request.query), dict(request.headers)]
        self._database.execute(
            "INSERT INTO calls (function, call_id, callback_url, head, body) VALUES (?, ?, ?, ?, ?)",
            (function, call_id, callback_url, json.dumps(head), request.body),
        )

    def next(self, function: str, after: int) -> QueuedCall | None:
        """The oldest call of a function that has no answer and a number above ``after``."""
        row = self._database.execute(
            "SELECT id, function, call_id, callback_url, head, body FROM calls "
            "WHERE answer IS NULL AND function = ? AND id > ? ORDER BY id LIMIT 1",
            (function, after),
        ).fetchone()
        return _call(row) if row else None

    def answered(self) -> list[Answered]:
        """The calls whose callback was not delivered when the gateway ended."""
        rows = self._database.execute(
            "SELECT id, function, call_id, callback_url, head, body, answer, answer_body, seconds FROM calls "
            "WHERE answer IS NOT NULL ORDER BY id"
        ).fetchall()
        return [Answered(_call(row[:6]), Answer(*_status_and_headers(row[6], row[7])), row[8]) for row in rows]

    def record(self, done: Answered) -> None:
        """Keep a call's answer until its callback is delivered; forget the call where nobody wants it."""
        if done.call.callback_url is None:
            self.remove(done.call.number)
            return
        answer = json.dumps([done.answer.status, dict(done.answer.headers)])
        self._database.execute(
            "UPDATE calls SET answer = ?, answer_body = ?, seconds = ? WHERE id = ?",
            (answer, done.answer.body, done.seconds, done.call.number),
        )

    def remove(self, number: int) -> None:
        """Forget a call."""
        self._database.execute("DELETE FROM calls WHERE id = ?", (number,))

    def waiting(self) -> dict[str, int]:
        """Function → calls that have no answer yet."""
        rows = self._database.execute("SELECT function, count(*) FROM calls WHERE answer IS NULL GROUP BY function")
        return dict(rows.fetchall())

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _call(row: tuple[int, str, str, str | None, str, bytes]) -> QueuedCall:
    number, function, call_id, callback_url, head, body = row
    method, path, query, headers = json.loads(head)
    return QueuedCall(number, function, call_id, callback_url, Request(method, path, query, headers, body))


def _status_and_headers(answer: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
    status, headers = json.loads(answer)
    return status, body, headers
