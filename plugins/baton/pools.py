"""The pools of this project, declared once.

Why pools and not task queues: the LocalExecutor knows no queues, and a deferred task holds no worker slot, so only a
pool that counts deferred tasks limits how many pods run at the same time.

`python -m baton.pools` prints them as the JSON that `airflow pools import` reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from baton.command_line import run


@dataclass(frozen=True)
class Pool:
    """One pool: at most `slots` task instances at a time, waiting (deferred) ones counted or not."""

    name: str
    slots: int
    description: str
    include_deferred: bool = True


PODS = Pool("pods", 16, "Pods that run at the same time, all DAGs together")
SOURCE = Pool("source", 2, "Pods that read the production source: a third one would compete with its users")
SHOP_HEAVY = Pool(
    "shop_heavy", 1, "Dumps of the shop and its maintenance: they lock and slow each other, so never together"
)

POOLS = (PODS, SOURCE, SHOP_HEAVY)


def as_import_file() -> str:
    """Render the pools as `airflow pools import` wants them: an object of name → settings."""
    settings = {
        pool.name: {
            "slots": pool.slots,
            "description": pool.description,
            "include_deferred": pool.include_deferred,
        }
        for pool in POOLS
    }
    return json.dumps(settings, indent=2)


if __name__ == "__main__":
    run(lambda: print(as_import_file()))
