"""Delete report files that have expired, from the object store.

Objects and the ledger have no common transaction. So a batch is taken off the run's allowance first and deleted then: a
kill in between wastes a part of the allowance, and never lets the run delete more than it.
"""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from baton_workloads.environment import required
from baton_workloads.errors import TransientError
from baton_workloads.idempotent.moment import moment
from baton_workloads.idempotent.stopping import asked_to_stop
from baton_workloads.maintenance.allowance import Allowance, allowance
from baton_workloads.maintenance.expired_rows import Order, shop
from baton_workloads.maintenance.work import Clock
from baton_workloads.progress import say
from baton_workloads.storage import Store, StoredObject, name_below, store_for

JOB = "maintenance delete-report-files"
TAG = "protected"  # an object's tag; any value but "false" keeps it


def delete(order: Order, protected: tuple[str, ...], *, dry_run: bool = False) -> dict[str, Any]:
    """Delete report files older than the order's days.

    :param protected: shell patterns of names below the reports' address that are kept.
    :returns: as of :func:`expired_rows.delete`, and freed_bytes.
    :raises TransientError: the pod is being stopped, or the store does not answer; the next try goes on.
    """
    clock, root = Clock(0), required("BATON_REPORTS_URI")
    with shop() as connection:
        before = moment(connection, "UTC").now - timedelta(days=order.days)
        search = _Search(store_for(root), root, before, protected)
        if dry_run:
            told = _preview(search, order)
        else:
            told = _work(search, order, allowance(connection, JOB, order.run, order.limit))
    return {
        "job": JOB,
        **told,
        "run": order.run,
        "limit": order.limit,
        "protected": search.kept,
        "seconds": clock.seconds,
    }


@dataclass
class _Search:
    """What has expired below an address.

    :param kept: how many expired ones a pattern or a tag protects, counted while searching.
    """

    store: Store
    root: str
    before: datetime
    patterns: tuple[str, ...]
    kept: int = field(default=0, init=False)

    def expired(self) -> Iterator[StoredObject]:
        """Give what has expired and is not protected."""
        self.kept = 0
        for item in self.store.objects(self.root):
            if item.modified >= self.before:
                continue
            if self._is_protected(item):
                self.kept += 1
            else:
                yield item

    def _is_protected(self, item: StoredObject) -> bool:
        name = name_below(self.root, item.uri)
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns):
            return True
        return self.store.tags(item.uri).get(TAG, "false").lower() != "false"


def _preview(search: _Search, order: Order) -> dict[str, Any]:
    found = list(search.expired())
    for item in found[: order.limit]:
        say(f"would delete {item.uri}")
    would = min(len(found), order.limit)
    return {"outcome": "dry_run", "would_delete": would, "left": len(found)}


def _work(search: _Search, order: Order, allowed: Allowance) -> dict[str, Any]:
    deleted = freed = left = 0
    found = search.expired()
    with asked_to_stop() as asked:
        while batch := list(islice(found, order.batch)):
            if asked():
                raise TransientError(f"{JOB}: stopped by SIGTERM after {deleted} files; the next try goes on")
            with allowed.batch(len(batch)) as claimed:
                claimed.took = claimed.may
            taken = batch[: claimed.took]
            search.store.delete([item.uri for item in taken])
            deleted, freed = deleted + len(taken), freed + sum(item.size_bytes for item in taken)
            left += len(batch) - len(taken)
    spent = allowed.spent()
    allowed.end()
    say(f"{search.root}: {deleted} files deleted, {left} left, {search.kept} protected")
    return {
        "outcome": "limit_reached" if spent >= order.limit else "done",
        "attempt": allowed.attempt,
        "deleted": deleted,
        "deleted_by_run": spent,
        "freed_bytes": freed,
        "left": left,
    }
