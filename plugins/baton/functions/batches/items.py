"""The items of a batch task, as JSON lines in a file that does not change while the task is tried again.

Why a file even for a query: what is pending now is not what is pending at the next try. Batches are counted in this
file, so a checkpoint means the same items whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

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
    """Write items as JSON lines, one after another.

    :raises PermanentError: an item is no JSON; its number, from 0, is in the message.
    """
    with path.open("w", encoding="utf-8") as file:
        for index, item in enumerate(items):
            try:
                file.write(json.dumps(item, separators=(",", ":"), default=_as_text, allow_nan=False) + "\n")
            except (TypeError, ValueError, RecursionError) as err:
                raise PermanentError(f"item {index} is no JSON: {err}") from err


def _as_text(value: object) -> str:
    """What databases give beside JSON's own types. Anything else has no text that a function could read."""
    if isinstance(value, date | time | timedelta | Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no type of JSON: make a text or a number of it")


def describe(path: Path, uri: str) -> ItemsFile:
    """Count and digest a file of items."""
    count, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            count += not line.isspace()
            digest.update(line)
    return ItemsFile(uri, count, digest.hexdigest())


def check(path: Path) -> None:
    """Read a file that others have made to its end, before anything of it is sent.

    :raises PermanentError: a line is no JSON; its number is in the message.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if not line.isspace():
                    _STRICT.decode(line.decode("utf-8-sig"))
            except (ValueError, RecursionError):
                raise PermanentError(f"line {number} of the items is no JSON: items are JSON lines") from None


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_no_constant)


def read_batches(path: Path, size: int, done: Any = ()) -> Iterator[Batch]:
    """Read batch after batch; only one is in memory. Empty lines are no items.

    :param done: numbers to leave out; their lines are passed over without being read as JSON.
    """
    with path.open("rb") as file:
        items = (line for line in file if not line.isspace())
        number = 0
        while lines := list(islice(items, size)):
            if number not in done:
                yield Batch(number, number * size, [json.loads(line) for line in lines])
            number += 1


def rows_of(connection_id: str, sql: str) -> Iterator[Any]:
    """Run a query and return its rows one after another, column → value.

    :param connection_id: of any database with an Airflow hook. PostgreSQL's rows are fetched piece by piece from the
        server.
    :raises PermanentError: two columns have the same name: one would hide the other.
    """
    from airflow.sdk import BaseHook

    connection = BaseHook.get_connection(connection_id)
    hook = connection.get_hook()  # type: ignore[no-untyped-call]
    options = {"name": "baton_items"} if connection.conn_type == "postgres" else {}
    with closing(hook.get_conn()) as database, closing(database.cursor(**options)) as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(ROWS):
            names = [column[0] for column in cursor.description]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise PermanentError(f"the query has two columns named {', '.join(twice)}: rename one of them")
            yield from (dict(zip(names, row, strict=True)) for row in rows)
