"""What the watch knows from its earlier looks: one small JSON file, replaced as a whole.

Why the outbox is written before anything is sent: who is killed between a look and a mail finds in it what is still to
be told, and to whom. So a notice may come twice (killed between sending and noting it), never not at all; a mail's
Message-ID and a webhook's Idempotency-Key are the same both times.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.storage import store_for
from baton_workloads.watch.notice import Notice


@dataclass
class Streak:
    """Failures in a row of one DAG."""

    failures: int
    since: str


@dataclass
class Trouble:
    """Something that is wrong with Airflow itself.

    :param since: when it was first seen, ISO.
    :param told: whether people know; what passes quickly is never told.
    """

    since: str
    subject: str
    told: bool = False


@dataclass
class Parcel:
    """A notice and the channels that have not got it yet."""

    notice: dict[str, Any]
    channels: list[str]


@dataclass
class Memory:
    """Everything that outlives a look."""

    looked: str
    seen: list[str] = field(default_factory=list)
    streaks: dict[str, Streak] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    outbox: list[Parcel] = field(default_factory=list)

    def post(self, notice: Notice, channels: list[str]) -> None:
        """Put a notice into the outbox."""
        self.outbox.append(Parcel(notice.as_json(), channels))


def load(uri: str, now: datetime) -> Memory:
    """The memory at an address; a new one starts at ``now``, so that old failures are not told.

    :raises ConfigurationError: what is there is no memory.
    """
    try:
        stored = json.loads(store_for(uri).read_bytes(uri))
    except DataError:
        return Memory(now.isoformat())
    except ValueError as err:
        raise ConfigurationError(f"{uri} is no memory of a watch: move it away to start afresh") from err
    try:
        return Memory(
            stored["looked"],
            stored["seen"],
            {dag: Streak(**value) for dag, value in stored["streaks"].items()},
            {key: Trouble(**value) for key, value in stored["troubles"].items()},
            [Parcel(**value) for value in stored["outbox"]],
        )
    except (KeyError, TypeError, AttributeError) as err:
        raise ConfigurationError(f"{uri} is no memory of a watch: move it away to start afresh") from err


def save(uri: str, memory: Memory) -> None:
    """Replace the memory at an address; readers see the old one or the new one."""
    store_for(uri).write_bytes(uri, json.dumps(asdict(memory), separators=(",", ":")).encode())
