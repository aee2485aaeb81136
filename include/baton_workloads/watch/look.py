"""One look at Airflow: what is new goes into the outbox, then out of it to the people."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from baton_workloads.watch import health, memory, runs
from baton_workloads.watch.airflow import AirflowApi, UnreachableError
from baton_workloads.watch.channels import Channel, DeliveryError
from baton_workloads.watch.notice import Notice

log = logging.getLogger(__name__)

MAX_OUTBOX = 1000
"""Undelivered notices that are kept; a dead mail server must not fill the memory."""


@dataclass(frozen=True)
class Patience:
    """How long something has to last before people hear of it.

    :param trouble: of what is wrong with Airflow.
    :param late: of a run that is due.
    """

    trouble: timedelta = timedelta(minutes=2)
    late: timedelta = timedelta(minutes=10)


class Watch:
    """Looks, and tells.

    :param uri: where the memory is, ``file:///…`` or ``s3://…``.
    :param usual: channels for every notice.
    :param escalation: channels for urgent ones besides.
    """

    def __init__(
        self, api: AirflowApi, uri: str, usual: Sequence[Channel], escalation: Sequence[Channel], patience: Patience
    ) -> None:
        self._api, self._uri, self._patience = api, uri, patience
        self._usual, self._escalation = list(usual), list(escalation)
        self._channels = {channel.name: channel for channel in (*usual, *escalation)}

    def look(self, now: datetime) -> int:
        """Look once and deliver; returns how many notices could not be delivered to everyone yet.

        :raises ConfigurationError: Airflow refuses the user, or the memory is damaged.
        """
        known = memory.load(self._uri, now)
        is_first = datetime.fromisoformat(known.looked) == now

        def tell(notice: Notice) -> None:
            wanted = [*self._usual, *(self._escalation if notice.urgent else [])]
            known.post(notice, [channel.name for channel in wanted])

        found = self._found(known, tell, now, is_first=is_first)
        health.compare(known, found, self._patience.trouble, tell, now, self._api.url)
        del known.outbox[:-MAX_OUTBOX]
        memory.save(self._uri, known)
        self._deliver(known)
        return len(known.outbox)

    def _found(self, known: memory.Memory, tell: runs.Tell, now: datetime, *, is_first: bool) -> dict[str, str]:
        try:
            if is_first:
                runs.start_at(self._api, known)
            runs.look_at_runs(self._api, known, tell, now)
            return health.troubles(self._api, self._patience.late, now)
        except UnreachableError as err:
            return health.unreachable(str(err))

    def _deliver(self, known: memory.Memory) -> None:
        """Empty the outbox as far as the channels go; noted after each, so that a kill repeats one at most."""
        dead: set[str] = set()
        for parcel in list(known.outbox):
            notice = Notice.from_json(parcel.notice)
            for name in list(parcel.channels):
                if name not in self._channels:
                    parcel.channels.remove(name)  # somebody took the channel away
                elif name not in dead and self._sent(self._channels[name], notice, dead):
                    parcel.channels.remove(name)
                    if not parcel.channels:
                        known.outbox.remove(parcel)
                    memory.save(self._uri, known)
        known.outbox = [parcel for parcel in known.outbox if parcel.channels]

    @staticmethod
    def _sent(channel: Channel, notice: Notice, dead: set[str]) -> bool:
        try:
            channel.send(notice)
        except DeliveryError as err:
            if not err.of_this_notice:
                dead.add(channel.name)  # the others of this look would wait as long for nothing
            log.warning("%s was not told of %r: %s", channel.name, notice.subject, err)
            return False
        log.info("%s was told: %s", channel.name, notice.subject)
        return True
