"""
## What
Vacuums, analyses and reindexes what needs it in the shop's database: by dead rows, changes since the last analyze, age
of the oldest transaction, and bloat of indexes. A report says for each table and index what was done, why, and what it
brought.

## Inputs → outputs
The shop's PostgreSQL, as a role that may maintain tables and read statistics, nothing more → the same, smaller.

## Schedule and why
VACUUM at 00:00 on Saturday and REINDEX CONCURRENTLY at 04:00 on Sunday, in the installation's time zone, the quietest
hours of the week. Never beside a dump of the same database: both hold the one slot of the pool `shop_heavy`.

## If it fails
"… is locked by pid …": somebody holds a transaction open on that table; the others are done. End it
(`SELECT pg_terminate_backend(pid)`), or wait, and clear the task. "invalid index": an earlier reindex was interrupted;
its owner runs the command in the message, as this role may not drop anything. "may not read the statistics": grant
what the message says. Clearing is always safe. A line `WARNING: … dead rows are kept for …` in the log is no failure:
end that session or prepared transaction, or drop the unused slot, and the next vacuum removes them.

## Params
`only`: which of the two a run by hand does. `dry_run`: say what is due. `max_minutes`: begin nothing further after so
long; what is left is named, and is due the next time.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag

from baton.defaults import TIMEZONE, default_args
from baton.pools import SHOP_HEAVY
from baton.queues import Queue
from baton.schedules import CronTable, choose
from baton.workloads.maintenance_tasks import DRY_RUN, maintain, maintenance_params

TABLE = CronTable({"vacuum": "0 0 * * 6", "reindex": "0 4 * * 0"}, zone=TIMEZONE)
MAX_MINUTES = Param(100, type="integer", minimum=1, description="Begin nothing further after so many minutes.")
OPTIONS = [*DRY_RUN, "--max-seconds", "{{ params.max_minutes * 60 }}"]


@dag(
    schedule=TABLE.timetable(),
    start_date=pendulum.datetime(2026, 1, 1, tz=TABLE.zone),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW, execution_timeout=timedelta(hours=3)),  # the last statement may take an hour
    params={**TABLE.params(), **maintenance_params(), "max_minutes": MAX_MINUTES},
    tags=["area/maintenance", "tier/2"],
    doc_md=__doc__,
)
def maintain_postgres() -> None:
    choose(TABLE) >> [
        maintain("vacuum", *OPTIONS, pool=SHOP_HEAVY.name),
        maintain("reindex", *OPTIONS, pool=SHOP_HEAVY.name),
    ]


maintain_postgres()
