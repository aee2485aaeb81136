"""What the watch knows from its earlier looks: one small JSON file, replaced as a whole.

Why the outbox is written before anything is sent: who is killed between a look and a mail finds in it what is still to
be sent, and to whom. So a notice may come twice (killed between sending and noting it), never not at all; a mail's
Message-ID and a webhook's Idempotency-Key are the same both times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import AwareDatetime, TypeAdapter

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.storage import store_for
from baton_workloads.watch.notice import Notice
from baton_workloads.watch.text import clean_json


class DamagedError(ConfigurationError):
    """What is there is no memory.

    :param fingerprint: of what is there.
    """

    def __init__(self, words: str, fingerprint: str) -> None:
        super().__init__(words)
        self.fingerprint = fingerprint


@dataclass
class Streak:
    """Failures in a row of one DAG."""

    failures: int
    since: str


@dataclass
class Trouble:
    """Something that is wrong with Airflow itself.

    :param since: when it was first seen, ISO.
    :param told: whether people know; what passes quickly is never reported.
    """

    since: str
    subject: str
    told: bool = False


@dataclass
class Tries:
    """How a recipient and one very notice fared so far.

    :param count: how often it was not taken although other notices may be.
    :param not_before: when it may be tried again, ISO; empty for at once.
    """

    count: int = 0
    not_before: str = ""


@dataclass
class OutboxEntry:
    """A notice and the recipients that have not got it yet.

    :param since: when it was posted, ISO.
    :param taken_by: channels of which a recipient took it.
    """

    notice: Notice
    waiting: dict[str, Tries]
    since: str
    taken_by: list[str] = field(default_factory=list)


@dataclass
class WatchState:
    """Everything that outlives a look.

    :param looked: up to where ended runs are known, ISO.
    :param started: whether what had ended before the first look is known.
    :param put_off: recipient → how many looks in a row it took nothing; those who take something are not in it.
    """

    looked: str
    seen: list[str] = field(default_factory=list)
    streaks: dict[str, Streak] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    outbox: list[OutboxEntry] = field(default_factory=list)
    started: bool = True
    put_off: dict[str, int] = field(default_factory=dict)

    def post(self, notice: Notice, recipients: Sequence[str], now: datetime) -> None:
        """Put a notice into the outbox."""
        self.outbox.append(OutboxEntry(notice, {name: Tries() for name in recipients}, now.isoformat()))


_STATE = TypeAdapter(WatchState)
_MOMENTS: TypeAdapter[list[datetime]] = TypeAdapter(list[AwareDatetime])


def load(uri: str, now: datetime) -> WatchState:
    """The memory at an address; a new one starts at ``now``, so that old failures are not reported.

    :raises DamagedError: what is there is no memory.
    """
    try:
        content = store_for(uri).read_bytes(uri)
    except DataError:
        return WatchState(now.isoformat(), started=False)
    try:
        return _read(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise DamagedError(
            f"{uri} is no memory of a watch: move it away to start afresh", sha256(content).hexdigest()[:16]
        ) from err


def _read(content: bytes) -> WatchState:
    stored = clean_json(json.loads(content))
    for entry in stored["outbox"]:
        _upgrade(entry, stored["looked"])
    state = _STATE.validate_python(stored)
    tries = [tries.not_before for entry in state.outbox for tries in entry.waiting.values() if tries.not_before]
    since = [*(entry.since for entry in state.outbox), *(trouble.since for trouble in state.troubles.values())]
    _MOMENTS.validate_python([state.looked, *since, *tries])
    return state


def _upgrade(entry: dict[str, Any], looked: str) -> None:
    """Read what was written when an entry waited for whole channels."""
    if "channels" in entry:
        entry["waiting"], entry["since"] = {name: {} for name in entry.pop("channels")}, looked


def save(uri: str, state: WatchState) -> None:
    """Replace the memory at an address; readers see the old one or the new one."""
    store_for(uri).write_bytes(uri, json.dumps(asdict(state), separators=(",", ":")).encode())
