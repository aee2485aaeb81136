"""
## What
Backs up the shop's database, the cluster's objects and volumes, and the applications: encrypted, read back, restored
into a scratch server and compared row by row. Only a backup that came through counts, and only then old ones go.

## Inputs → outputs
PostgreSQL, the namespace's objects and claims, `include/backups/applications.yaml` → the bucket *backups*, encrypted
with age, with an authenticated manifest and a proof → the asset `backups`, on which replicas are made.

## Schedule and why
Every day at 01:00 in the installation's time zone, when the shop is quiet. The dump reads one snapshot and disturbs
nobody; it shares the pool *shop_heavy* with the shop's maintenance, so the two never run together. A missed run is
not made up for.

## If it fails
`check_drill` says within seconds what the drill will lack: an extension, a right, a tool. The dump goes on meanwhile.
Nothing was pruned, the last proven backup is still there: `./baton backups list`. The last line of the task's log says
what to do. Clearing the failed task and what follows is always safe. "is not what was dumped" or "another sha256":
clear `dump` and what follows, and find out why before the next run; docs/backups.md helps.

## Params
`days`, `daily`, `weekly`, `monthly`: what is kept; what any of them keeps stays. The last proven backup always does.
`snapshot_class`: the VolumeSnapshotClass; empty for the cluster's default.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag

from baton.assets import BACKUPS
from baton.defaults import TIMEZONE, default_args
from baton.pools import SHOP_HEAVY
from baton.queues import Queue
from baton.schedules import RUN_KEY
from baton.settings import settings
from baton.workloads.backup_applications import application_backup, read_applications
from baton.workloads.backup_stages import backup_check, backup_stage, kept_snapshots, parts_of, retention, sealed_backup

KEPT = {"days": 30, "daily": 0, "weekly": 0, "monthly": 12}
APPLICATIONS = read_applications(settings().data("backups", "applications.yaml"))


@dag(
    schedule=CronTriggerTimetable("0 1 * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(Queue.LOW),
    params={**KEPT, "snapshot_class": ""},
    tags=["area/backups", "tier/1"],
    doc_md=__doc__,
)
def back_up_platform() -> None:
    check_drill = backup_check()
    dump = backup_stage("dump", "--run-key", RUN_KEY, size="medium", pool=SHOP_HEAVY.name)
    made = [
        dump,
        backup_stage("export-cluster", "--run-key", RUN_KEY),
        backup_stage("snapshot-volumes", "--run-key", RUN_KEY, "--snapshot-class", "{{ params.snapshot_class }}"),
        *(application_backup(application) for application in APPLICATIONS),
    ]
    seal = backup_stage("seal", "--run-key", RUN_KEY, *(word for task in made for word in parts_of(task)))
    verify = backup_stage("verify", *sealed_backup(), size="medium")
    restore_drill = backup_stage("drill", *sealed_backup(), task_id="restore_drill", size="medium")
    prune = backup_stage("prune", "--proven", sealed_backup()[0], *retention(KEPT), outlets=[BACKUPS])
    prune_snapshots = backup_stage("prune-snapshots", "--keep", kept_snapshots(prune))
    made >> seal >> verify
    [verify, check_drill] >> restore_drill >> prune >> prune_snapshots


back_up_platform()
