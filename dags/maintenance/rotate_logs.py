"""
## What
Moves log files that nobody has written for a week from a volume to cold storage: compressed, uploaded, read back and
compared; only then the original is removed. Files that are open, or change meanwhile, stay.

## Inputs → outputs
The claim `logs` (another one by `BATON_LOGS_CLAIM`), mounted at /logs → `logs/…` in the bucket *cold-storage*, each
file under its own path with the time of its last line and its checksum.

## Schedule and why
Every day at 04:00 in the installation's time zone, so that no day brings more than a day's logs.

## If it fails
No file is lost: each is either still there or verified in cold storage, and clearing the task goes on with the rest.
"does not unpack": the store gave back something else than was written; the original is kept, look at the store.
"there is no folder": the claim is missing in the namespace.

## Params
`days`: since when nobody has written a file. `limit`: files that a run frees at most, over all of its tries.
`dry_run`: name them, move nothing.
"""

import pendulum
from airflow.sdk import Param, dag

from baton.defaults import TIMEZONE, default_args
from baton.queues import Queue
from baton.workloads.maintenance_tasks import LIMITED, logs_volume, maintain, maintenance_params

DAYS = Param(7, type="integer", minimum=0, description="Since how many days nobody has written a file.")


@dag(
    schedule="0 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW),
    params={"days": DAYS, **maintenance_params(limit=10_000)},
    tags=["area/maintenance", "tier/3"],
    doc_md=__doc__,
)
def rotate_logs() -> None:
    maintain("rotate-logs", *LIMITED, "--days", "{{ params.days }}", size="medium", **logs_volume())


rotate_logs()
