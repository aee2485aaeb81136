"""Posts of which nothing was decided: counted by sender, address and answer, for page, command line and metrics.

Senders do not send again what is answered with 4xx. A known sender's refusal is stored before it is answered; those of
strangers are counted in memory and stored a few seconds later, so that nobody without a credential costs the database
more than a statement for each address now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from baton.alerts.tables import REFUSALS
from baton.alerts.without_secrets import text_without_secrets

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
_PAUSE_SECONDS = 5.0
"""Between two times that strangers' refusals are stored."""
_REASON_LENGTH = 500


class Key(NamedTuple):
    """What refusals are counted by.

    :param sender: name of the credential; empty: nobody that is known.
    """

    sender: str
    endpoint: str
    status: int


@dataclass(slots=True)
class Count:
    """How many there were since they were stored last."""

    times: int
    reason: str
    at: datetime


def store(session: Session, counts: dict[Key, Count]) -> None:
    """Add to the table."""
    table = REFUSALS.c
    for key, count in sorted(counts.items()):
        same = (table.sender == key.sender, table.endpoint == key.endpoint, table.status == key.status)
        change = update(REFUSALS).where(*same)
        change = change.values(times=table.times + count.times, reason=count.reason, last_at=count.at)
        if session.execute(change).rowcount:  # type: ignore[attr-defined]
            continue
        row = {**key._asdict(), "reason": count.reason, "times": count.times, "first_at": count.at, "last_at": count.at}
        try:
            with session.begin_nested():
                session.execute(insert(REFUSALS).values(row))
        except IntegrityError:  # another API server was faster
            session.execute(change)


def since(session: Session, moment: datetime) -> list[dict[str, Any]]:
    """Refusals that go on since then, the newest first."""
    query = select(REFUSALS).where(REFUSALS.c.last_at >= moment).order_by(REFUSALS.c.last_at.desc()).limit(50)
    return [
        {
            **{name: row[name] for name in ("sender", "endpoint", "status", "reason", "times")},
            **{name: row[name].astimezone(UTC).isoformat() for name in ("first_at", "last_at")},
        }
        for row in session.execute(query).mappings()
    ]


def forget(session: Session, before: datetime | None = None) -> int:
    """Remove those of which there was none since a moment; without one, all."""
    old = [] if before is None else [REFUSALS.c.last_at < before]
    return int(session.execute(delete(REFUSALS).where(*old)).rowcount or 0)  # type: ignore[attr-defined]


class Strangers:
    """Refusals of posts whose senders are not known. For one event loop.

    :param write: stores counts; its failure is logged.
    """

    def __init__(self, write: Callable[[dict[Key, Count]], Awaitable[None]]) -> None:
        self._write = write
        self._counts: dict[Key, Count] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, endpoint: str, known: Collection[str], status: int, reason: str) -> None:
        """Count one; the first is stored at once."""
        key = Key("", endpoint if endpoint in known else "", status)
        found = self._counts.setdefault(key, Count(0, "", datetime.now(UTC)))
        found.times, found.reason, found.at = found.times + 1, reason[:_REASON_LENGTH], datetime.now(UTC)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._store())

    async def _store(self) -> None:
        while self._counts:
            counts, self._counts = self._counts, {}
            try:
                await self._write(counts)
            except Exception as err:  # counting must not end because one time failed
                log.warning("Refused posts could not be counted (%s)", type(err).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)


def one(sender: str, endpoint: str, status: int, reason: str) -> dict[Key, Count]:
    """One refusal of a known sender."""
    text = text_without_secrets(reason)[:_REASON_LENGTH]
    return {Key(sender, endpoint[:64], status): Count(1, text, datetime.now(UTC))}
