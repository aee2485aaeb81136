"""Delete report files that have expired, from the object store.

Objects and the ledger have no common transaction. So a batch is taken off the run's allowance first and deleted then: a
kill in between wastes a part of the allowance, and never lets the run delete more than it.
"""

import fnmatch
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
REQUESTS = 8  # for tags at once


def delete(order: Order, protected: tuple[str, ...], *, dry_run: bool = False) -> dict[str, Any]:
    """Delete report files older than the order's days.

    :param protected: shell patterns of names below the reports' address that are kept.
    :returns: as of :func:`expired_rows.delete`, and freed_bytes. Tags are asked of what the limit reaches only, so that
        ``left`` counts objects beyond it that a tag protects, and ``protected`` does not.
    :raises TransientError: the pod is being stopped, or the store does not answer; the next try goes on.
    """
    clock, root = Clock(0), required("BATON_REPORTS_URI")
    with shop() as connection:
        before = moment(connection, "UTC").now - timedelta(days=order.days)
        search = _Search(store_for(root), root, before, protected)
        if dry_run:
            result = _preview(search, order)
        else:
            result = _work(search, order, allowance(connection, JOB, order.run, order.limit))
    return {
        "job": JOB,
        **result,
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
        """Give what has expired and no pattern protects: one request for a thousand objects."""
        self.kept = 0
        for item in self.store.objects(self.root):
            if item.modified >= self.before:
                continue
            name = name_below(self.root, item.uri)
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns):
                self.kept += 1
            else:
                yield item

    def unprotected(self, batch: list[StoredObject]) -> list[StoredObject]:
        """Give those of a batch that no tag protects: one request for each, so only for what would be deleted."""
        with ThreadPoolExecutor(REQUESTS) as pool:
            tags = pool.map(lambda item: self.store.tags(item.uri), batch)
            free = [item for item, each in zip(batch, tags, strict=True) if each.get(TAG, "false").lower() == "false"]
        self.kept += len(batch) - len(free)
        return free


def _preview(search: _Search, order: Order) -> dict[str, Any]:
    would = left = 0
    found = search.expired()
    while batch := list(islice(found, min(order.batch, order.limit - would) or order.batch)):
        if would < order.limit:
            batch = search.unprotected(batch)
            would += len(batch)
            for item in batch:
                say(f"would delete {item.uri}")
        left += len(batch)
    return {"outcome": "dry_run", "would_delete": would, "left": left}


def _work(search: _Search, order: Order, allowed: Allowance) -> dict[str, Any]:
    deleted = freed = left = 0
    is_used_up = False
    found = search.expired()
    with asked_to_stop() as asked:
        while batch := list(islice(found, max(1, min(order.batch, order.limit - deleted)))):
            if asked():
                raise TransientError(f"{JOB}: stopped by SIGTERM after {deleted} files; the next try goes on")
            if is_used_up:
                left += len(batch)
                continue
            batch = search.unprotected(batch)
            with allowed.batch(len(batch)) as claimed:
                claimed.took = claimed.may
            taken = batch[: claimed.took]
            search.store.delete([item.uri for item in taken])
            deleted, freed = deleted + len(taken), freed + sum(item.size_bytes for item in taken)
            left += len(batch) - len(taken)
            is_used_up = len(taken) < len(batch)
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
