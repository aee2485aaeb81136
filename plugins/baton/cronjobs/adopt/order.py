"""Which DAG runs which CronJob, whom it waits for, and which tick of a CronJob's own a chain's run stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from baton.cronjobs.loading import LoadedCronJobs
from baton.cronjobs.manifests.cronjob import CronJob
from kubernetes_cron import EverySchedule, parse


@dataclass(frozen=True)
class Order:
    """The CronJobs of some folders, by key.

    :param dags: the DAG that runs each of them.
    :param after: whom each follows; those that follow nobody are not there.
    """

    cronjobs: Mapping[str, CronJob]
    dags: Mapping[str, str]
    after: Mapping[str, tuple[str, ...]]

    def roots(self, key: str) -> set[str]:
        """Those that the clock starts and that lead to it, itself if nobody does."""
        before = self.after.get(key, ())
        return set[str]().union(*map(self.roots, before)) if before else {key}

    def awaited(self, dag_id: str) -> set[str]:
        """The other DAGs whose success starts this one."""
        return {self.dags[one] for key, before in self.after.items() if self.dags[key] == dag_id for one in before} - {
            dag_id
        }

    def awaiting(self, dag_id: str) -> set[str]:
        """The other DAGs that the success of this one starts."""
        return {dag for dag in self.dags.values() if dag_id in self.awaited(dag)}

    def own_tick(self, key: str, ticks: Mapping[str, datetime | None]) -> datetime | None:
        """The tick of its own schedule that a round stands for: the first one at which all before it have started.

        :param ticks: those of the round's roots; None: there was none.
        """
        before = self.after.get(key, ())
        if not before:
            return ticks.get(key)
        starts = [self.own_tick(one, ticks) for one in before]
        known = [start for start in starts if start is not None]
        if len(known) < len(starts):
            return None
        cronjob, moment = self.cronjobs[key], max(known)
        schedule = parse(cronjob.schedule, cronjob.time_zone or "UTC")
        if isinstance(schedule, EverySchedule):  # counts from when it was made
            return moment
        return schedule.next(moment - timedelta(seconds=1)) or moment


def order_of(loaded: LoadedCronJobs) -> Order:
    """Read the order from the chains."""
    dags = {key: key for key in loaded.cronjobs}
    after: dict[str, tuple[str, ...]] = {}
    for chain in loaded.chains:
        after |= {key: link.after for key, link in chain.links.items() if link.after}
        if chain.handover == "tasks":
            dags |= dict.fromkeys(chain.links, chain.name)
    return Order(loaded.cronjobs, dags, after)
