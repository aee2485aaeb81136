"""
## What
Copies the shop's tables into the warehouse with personal data masked: one consistent snapshot is exported, each
dataset is transformed and loaded on its own, then everything is validated together and the raw copy is removed.

## Inputs → outputs
PostgreSQL source, policies in `include/etl/policies` (or in `$BATON_POLICIES_FOLDER`) → Parquet in the buckets *raw*
and *processed* → warehouse tables and the asset `warehouse`, on which reports are scheduled.

## Schedule and why
Every day at 01:00 in the installation's time zone, when the shop is quiet and the day is complete. One run at a
time; a missed run is not made up for, because a load replaces the whole tables. Whoever needs the warehouse follows
the asset, not the clock; a run that is not done five hours after it was queued (06:00 for the nightly one) is reported
by mail.

## If it fails
The last line of the task's log says what to do. "column … is not named": add it to the dataset's policy. Transient
errors were already retried. Clearing the failed task and what follows is always safe: stages are idempotent and an
older snapshot never replaces a newer one. The warehouse keeps yesterday's rows until a load succeeds.

## Params
- `accept_source_change`: replace what was loaded from another source database. Say it once, when that is meant.
- `accept_key_change`: replace pseudonyms that were made with another key.

A run by hand takes its own day as run key, or the partition key that it is given.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import AsyncCallback, CronPartitionTimetable, DeadlineAlert, DeadlineReference, Param, dag, task_group

from baton.assets import WAREHOUSE
from baton.defaults import TIMEZONE, default_args
from baton.notifications.deadline import mail_missed_deadline
from baton.pools import SOURCE
from baton.schedules import RUN_KEY
from baton.workloads import result_of
from baton.workloads.etl_policies import policies_folder, read_policies
from baton.workloads.etl_stages import stage

POLICIES = read_policies(policies_folder())

ACCEPTED = [
    f"--{{{{ 'accept' if params.accept_{change}_change else 'refuse' }}}}-{change}-change"
    for change in ("source", "key")
]


@dag(
    schedule=CronPartitionTimetable("0 1 * * *", timezone=TIMEZONE, key_format="%Y-%m-%d"),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=5),
        callback=AsyncCallback(mail_missed_deadline, kwargs={"limit": "5 hours after it was queued"}),
    ),
    params={"accept_source_change": Param(False, type="boolean"), "accept_key_change": Param(False, type="boolean")},
    tags=["area/etl", "tier/1"],
    doc_md=__doc__,
)
def load_warehouse() -> None:
    export = stage("export", "--run-key", RUN_KEY, policies=POLICIES, size="large", pool=SOURCE.name)
    loads = [load_dataset.override(group_id=dataset)(dataset) for dataset in POLICIES]
    processed = [result_of(f"{dataset}.transform", "manifest") for dataset in POLICIES]
    validate = stage("validate", manifests=processed, policies=POLICIES, outlets=[WAREHOUSE])
    purge_raw = stage("purge-raw", manifests=[raw_manifest(dataset) for dataset in POLICIES])
    export >> loads >> validate >> purge_raw


@task_group
def load_dataset(dataset: str) -> None:
    transform = stage(
        "transform", manifests=[raw_manifest(dataset)], policies={dataset: POLICIES[dataset]}, size="large"
    )
    transform >> stage("load", *ACCEPTED, manifests=[result_of(f"{dataset}.transform", "manifest")], size="medium")


def raw_manifest(dataset: str) -> str:
    return result_of("export", "manifests", dataset)


load_warehouse()
