"""The items of a batch task, as JSON lines in a file that does not change while the task is tried again.

Why a file even for a query: what is pending now is not what is pending at the next try. Batches are counted in this
file, so a checkpoint means the same items whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from baton.exceptions import PermanentError

ROWS = 5000
"""Of a query, in one piece."""


@dataclass(frozen=True)
class ItemsFile:
    """A file of items.

    :param uri: where it is stored.
    :param count: of items.
    """

    uri: str
    count: int
    sha256: str


@dataclass(frozen=True)
class Batch:
    """Neighbouring items.

    :param number: from 0.
    :param first_index: of its first item in the file, from 0.
    """

    number: int
    first_index: int
    items: list[Any]


def write_items(items: Iterable[Any], path: Path) -> None:
    """Write items as JSON lines, one after another."""
    with path.open("w", encoding="utf-8") as file:
        for item in items:
            file.write(json.dumps(item, separators=(",", ":"), default=str) + "\n")


def describe(path: Path, uri: str) -> ItemsFile:
    """Count and digest a file of items."""
    count, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            count += 1
            digest.update(line)
    return ItemsFile(uri, count, digest.hexdigest())


def read_batches(path: Path, size: int, done: Any = ()) -> Iterator[Batch]:
    """Read batch after batch; only one is in memory.

    :param done: numbers to leave out; their lines are passed over without being read as JSON.
    :raises PermanentError: a line is no JSON; its number is in the message.
    """
    with path.open("rb") as file:
        number = 0
        while lines := list(islice(file, size)):
            if number not in done:
                yield Batch(number, number * size, [_item(line, number * size + at) for at, line in enumerate(lines)])
            number += 1


def _item(line: bytes, index: int) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise PermanentError(f"line {index + 1} of the items is no JSON: items are JSON lines") from None


def rows_of(connection_id: str, sql: str) -> Iterator[Any]:
    """Run a query and return its rows one after another, column → value.

    :param connection_id: of any database with an Airflow hook. PostgreSQL's rows are fetched piece by piece from the
        server.
    """
    from airflow.sdk import BaseHook

    connection = BaseHook.get_connection(connection_id)
    hook = connection.get_hook()  # type: ignore[no-untyped-call]
    database = hook.get_conn()
    try:
        options = {"name": "baton_items"} if connection.conn_type == "postgres" else {}
        cursor = database.cursor(**options)
        cursor.execute(sql)
        while rows := cursor.fetchmany(ROWS):
            names = [column[0] for column in cursor.description]
            yield from (dict(zip(names, row, strict=True)) for row in rows)
    finally:
        database.close()
