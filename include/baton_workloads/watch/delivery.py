"""From the outbox to the people: each recipient has an outcome of its own, whatever becomes of the others.

Taken: noted at once, and never sent to that recipient again. Put off (greylisted, away, a server that is down): tried
again at each look, until `GIVE_UP`. Refused for good: logged by name, and let go. Who was put off is tried last next
time, with one notice only, so that it costs the others nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from baton_workloads.watch.channels import (
    BlockedError,
    Channel,
    ChannelDownError,
    DeliveryError,
    InDoubtError,
    RefusedError,
)
from baton_workloads.watch.state import OutboxEntry, Tries, WatchState

log = logging.getLogger(__name__)

MAX_OUTBOX = 1000
"""Notices that are kept for one recipient who takes none; a dead mail server must not fill the memory."""
GIVE_UP = timedelta(days=5)
"""As long as mail servers themselves try. Source: RFC 5321, section 4.5.4.1."""
DOUBT = timedelta(hours=1)
"""The longest wait before a notice that a recipient perhaps has is sent to it again."""
SECONDS = 60.0
"""After which no further delivery is begun, before Airflow is looked at and after it: who hangs must not hold all."""


class Delivery:
    """The deliveries of one look.

    :param save: writes the memory down.
    """

    def __init__(self, channels: Sequence[Channel], known: WatchState, save: Callable[[], None], now: datetime) -> None:
        self._channels, self._known, self._save, self._now = channels, known, save, now
        self._ways = {recipient: channel for channel in channels for recipient in channel.recipients}
        self._down: set[str] = set()  # channels
        self._asked: set[str] = set()  # recipients who took nothing in this look
        self._tried: set[int] = set()  # notices that a recipient did not take in this look
        self._ends = 0.0

    def run(self) -> None:
        """Empty the outbox as far as recipients go; noted after each, so that a kill repeats one at most."""
        self._ends = time.monotonic() + SECONDS
        for entry in self._known.outbox:
            self._readdress(entry)
        try:
            for recipient in sorted(self._ways, key=lambda name: self._known.put_off.get(name, 0)):
                self._deliver_to(recipient)
        finally:
            for channel in self._channels:
                channel.close()
        self._let_go()
        self._save()

    def _readdress(self, entry: OutboxEntry) -> None:
        """Recipients that nobody names any more leave; a channel's name stands for all of its recipients."""
        for name in [name for name in entry.waiting if name not in self._ways]:
            del entry.waiting[name]
            for channel in self._channels:
                if channel.name == name:
                    entry.waiting.update({recipient: Tries() for recipient in channel.recipients})

    def _deliver_to(self, recipient: str) -> None:
        entries = [entry for entry in self._known.outbox if self._is_due(entry.waiting.get(recipient))]
        for entry in sorted(entries, key=lambda entry: entry.waiting[recipient].count):
            if recipient in self._asked or time.monotonic() > self._ends:
                return
            self._try(recipient, entry)

    def _is_due(self, tries: Tries | None) -> bool:
        if tries is None or id(tries) in self._tried:
            return False
        return not tries.not_before or datetime.fromisoformat(tries.not_before) <= self._now

    def _try(self, recipient: str, entry: OutboxEntry) -> None:
        """One notice to one recipient, and what follows for the next one."""
        channel = self._ways[recipient]
        if channel.name in self._down:
            self._put_off(recipient)
            return
        try:
            channel.send(entry.notice, recipient)
        except DeliveryError as err:
            self._not_taken(recipient, entry, channel, err)
            return
        log.info("%s was notified: %s", recipient, entry.notice.subject)
        self._known.put_off.pop(recipient, None)
        if channel.name not in entry.taken_by:
            entry.taken_by.append(channel.name)
        self._take_out(entry, recipient)

    def _not_taken(self, recipient: str, entry: OutboxEntry, channel: Channel, err: DeliveryError) -> None:
        is_own = isinstance(err, BlockedError) and channel.name in entry.taken_by
        if is_own or isinstance(err, RefusedError):
            log.error("%s is refused %r for good, and is not notified: %s", recipient, entry.notice.subject, err)
            self._take_out(entry, recipient)
            return
        log.warning("%s was not notified of %r yet: %s", recipient, entry.notice.subject, err)
        if isinstance(err, ChannelDownError):
            self._down.add(channel.name)
        if err.of_this_notice:
            self._note_try(entry.waiting[recipient], in_doubt=isinstance(err, InDoubtError))
        else:
            self._put_off(recipient)

    def _put_off(self, recipient: str) -> None:
        self._asked.add(recipient)
        self._known.put_off[recipient] = self._known.put_off.get(recipient, 0) + 1

    def _note_try(self, tries: Tries, *, in_doubt: bool) -> None:
        tries.count += 1
        if in_doubt and tries.count > 1:
            tries.not_before = (self._now + min(timedelta(minutes=2 ** (tries.count - 1)), DOUBT)).isoformat()
        self._tried.add(id(tries))
        self._save()

    def _take_out(self, entry: OutboxEntry, recipient: str) -> None:
        del entry.waiting[recipient]
        self._known.outbox = [entry for entry in self._known.outbox if entry.waiting]
        self._save()

    def _let_go(self) -> None:
        """What waits too long or is too much; never what waits for somebody who takes notices."""
        known = self._known
        known.put_off = {name: count for name, count in known.put_off.items() if name in self._ways}
        for recipient in self._ways:
            waiting = [entry for entry in known.outbox if recipient in entry.waiting]
            for place, entry in enumerate(reversed(waiting)):
                is_tried = recipient in known.put_off or entry.waiting[recipient].count
                is_old = self._now - datetime.fromisoformat(entry.since) > GIVE_UP
                if is_tried and (is_old or place >= MAX_OUTBOX):
                    log.error("%s is never notified of %r: put off for too long", recipient, entry.notice.subject)
                    del entry.waiting[recipient]
        known.outbox = [entry for entry in known.outbox if entry.waiting]
