"""Delete what a namespace of a cluster has left over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from baton.defaults import NAMESPACE
from baton.exceptions import PermanentError, TransientError
from baton.kubernetes.api_streams import connection_errors
from baton.kubernetes.job_api import JobApi
from baton.kubernetes.leftovers import Leftover, Rules, find_leftovers

if TYPE_CHECKING:
    from airflow.sdk import Context

CLAIMED = "claimed"
"""Key in the task's state store: how many objects all tries of this task have set out to delete."""
BATCH = 50
SHOWN = 200
"""Objects in the result; an XCom is no place for thousands."""


class CleanUpClusterOperator(BaseOperator):
    """Delete finished Jobs, ended pods and temporary claims; report what only a person may delete.

    :param days: since when something has to be over. (templated)
    :param limit: objects that this task deletes at most, over all of its tries. (templated)
    :param dry_run: delete nothing; `True` or the text `True`. (templated)
    :param namespace: which one is cleaned up.
    :param kubernetes_conn_id: Airflow's connection to the cluster.
    :returns: outcome (`done`, `limit_reached`, `dry_run`), deleted, left, reported, and the objects.
    :raises AirflowFailException: this account may not list or delete.
    :raises TransientError: the API server does not answer.
    """

    template_fields = ("days", "limit", "simulate")

    def __init__(
        self,
        *,
        days: float | str = 7,
        limit: int | str = 500,
        dry_run: bool | str = False,
        namespace: str = NAMESPACE,
        kubernetes_conn_id: str = "kubernetes_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.days = days
        self.limit = limit
        self.simulate = dry_run  # BaseOperator has a method of the other name
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Look through the namespace and delete."""
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook, KubernetesHook

        extras = KubernetesHook(conn_id=self.kubernetes_conn_id).conn_extras  # asking for it blocks
        hook = AsyncKubernetesHook(conn_id=self.kubernetes_conn_id, connection_extras=extras)
        try:
            return asyncio.run(self._sweep(JobApi(hook, self.namespace), DeletionBudget(context, int(self.limit))))
        except PermanentError as err:
            raise AirflowFailException(str(err)) from err
        except connection_errors() as err:
            raise TransientError(f"the Kubernetes API does not answer: {type(err).__name__}: {err}") from err

    async def _sweep(self, api: JobApi, budget: DeletionBudget) -> dict[str, Any]:
        found = await find_leftovers(api, Rules(datetime.now(UTC), float(self.days)))
        sweep = Sweep(api, found, budget)
        if str(self.simulate) != "True":
            await sweep.run()
        for line in sweep.table():
            self.log.info(line)
        return sweep.result(simulated=str(self.simulate) == "True")


@dataclass
class DeletionBudget:
    """What the task may still delete, whatever its earlier tries did.

    Why it is taken before anything is deleted: a kill in between wastes some of it, and never lets more go.
    """

    context: Context
    limit: int

    def take(self, wanted: int) -> int:
        """Return how many of the wanted objects may be deleted, and note them as deleted."""
        store = self.context["task_state_store"]
        claimed = int(str(store.get(CLAIMED, 0)))
        granted = max(0, min(wanted, self.limit - claimed))
        if granted:
            store.set(CLAIMED, claimed + granted)
        return granted


@dataclass
class Sweep:
    """One pass over what is left over.

    :param fates: uid → what became of an object.
    """

    api: JobApi
    found: list[Leftover]
    budget: DeletionBudget
    fates: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Delete in batches until nothing is left or the limit is reached."""
        waiting = [item for item in self.found if item.deletable]
        while waiting:
            granted = self.budget.take(min(BATCH, len(waiting)))
            for item in waiting[:granted]:
                was_there = await self.api.delete_at(item.path, item.uid)
                self.fates[item.uid] = "deleted" if was_there else "gone already"
            if granted < min(BATCH, len(waiting)):
                return
            waiting = waiting[granted:]

    def fate(self, item: Leftover) -> str:
        """Say what became of an object."""
        return self.fates.get(item.uid, "left" if item.deletable else "reported")

    def table(self) -> list[str]:
        """Return the report as lines of text."""
        rows = [("what", "name", "since", "fate", "why")]
        rows += [(i.kind, i.name, f"{i.since:%Y-%m-%d %H:%M}", self.fate(i), i.why) for i in self.found]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]

    def result(self, *, simulated: bool) -> dict[str, Any]:
        """Return the result: counts, and the first objects."""
        fates = [self.fate(item) for item in self.found]
        left = fates.count("left")
        return {
            "outcome": "dry_run" if simulated else "limit_reached" if left else "done",
            **{name: fates.count(name) for name in ("deleted", "left", "reported")},
            "objects": [
                {"kind": item.kind, "name": item.name, "fate": self.fate(item), "why": item.why}
                for item in self.found[:SHOWN]
            ],
        }
