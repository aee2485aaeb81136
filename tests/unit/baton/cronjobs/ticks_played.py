"""Which ticks of a CronJob become Jobs when Airflow's tasks start them, on a virtual clock.

Each tick is one task that does what `JobStart` does: skip if missed, wait or replace by the policy, else create.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta

from baton.cronjobs.run.timing import Timing


@dataclass(frozen=True)
class Play:
    """A CronJob, and what happens to it.

    :param length: from a Job's creation to its end.
    :param outage: from when to when nobody acts: neither Airflow nor the Job controller.
    :param ticks: the schedule's, in order.
    """

    policy: str
    schedule: str
    deadline: float | None
    length: timedelta
    outage: tuple[datetime, datetime] | None
    ticks: list[datetime]
    end: datetime

    def run(self) -> dict[datetime, datetime]:
        """Return when which tick's Job was created."""
        agenda = [(tick, tick) for tick in self.ticks]
        heapq.heapify(agenda)
        created: dict[datetime, datetime] = {}
        ends: list[datetime] = []
        while agenda:
            now, tick = heapq.heappop(agenda)
            if self._is_out(now):
                heapq.heappush(agenda, (self.outage[1], tick))
                continue
            timing = Timing(tick, self.schedule, None, self.deadline)
            running = [end for end in ends if end > now]
            if now >= self.end or timing.missed(now):
                continue
            if self.policy == "Forbid" and running:
                moments = [*running, timing.missed_at()]
                heapq.heappush(agenda, (min(moment for moment in moments if moment), tick))
                continue
            if self.policy == "Replace":
                ends = []
            created[tick] = now
            end = now + self.length
            ends.append(self.outage[1] if self._is_out(end) else end)
        return created

    def _is_out(self, moment: datetime) -> bool:
        return self.outage is not None and self.outage[0] <= moment < self.outage[1]
