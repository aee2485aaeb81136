"""Metrics of jobs, queues and workers, counted in Airflow's database when they are asked for.

Why from the database: each API server would else count what it saw itself, and forget it when it ends. Counters go back
when old runs are deleted; Prometheus takes that as a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from baton.airflow_internals.stored_jobs import (
    StoredDag,
    last_runs,
    outcomes,
    retries,
    run_totals,
    running_since,
)
from baton.jobs.api.callers import Caller
from baton.jobs.api.catalogue import RATE_DAYS, Filters, job_type_of, queue_of, readable_dags
from baton.jobs.api.queue_status import queues_status
from baton.queues import class_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400)
"""Seconds."""
_LABELS = ["job", "job_type", "queue"]
_FEW_RUNS = 20
"""Failures in a row are counted up to so many."""


def exposition(session: Session, caller: Caller) -> bytes:
    """All metrics, of the jobs that the caller may see; those of queues and workers are of all."""
    registry = CollectorRegistry()
    registry.register(_Collected([*_job_metrics(session, caller), *_queue_metrics(session)]))
    made: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return made


class _Collected:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """What prometheus_client asks a collector."""
        return self._metrics


def _job_metrics(session: Session, caller: Caller) -> Iterator[Metric]:
    dags = {dag.dag_id: dag for dag in readable_dags(session, caller, Filters())}
    yield from _runs(session, dags)
    now = datetime.now(UTC)
    rate = GaugeMetricFamily("baton_job_success_ratio", f"Of the runs of the last {RATE_DAYS} days", labels=_LABELS)
    for dag_id, (good, bad) in outcomes(session, dags, now - timedelta(days=RATE_DAYS)).items():
        rate.add_metric(_labels(dags[dag_id]), good / (good + bad))
    yield rate
    row = GaugeMetricFamily("baton_job_failures_in_a_row", "Runs that failed since the last success", labels=_LABELS)
    for dag_id, runs in last_runs(session, dags, _FEW_RUNS).items():
        ended = [run.state for run in runs if run.state in ("success", "failed")]
        row.add_metric(
            _labels(dags[dag_id]), next((n for n, state in enumerate(ended) if state == "success"), len(ended))
        )
    yield row
    oldest = GaugeMetricFamily("baton_job_running_seconds", "How long the oldest run goes that goes", labels=_LABELS)
    limit = GaugeMetricFamily("baton_job_timeout_seconds", "The limit that the job has", labels=_LABELS)
    for dag_id, since in running_since(session):
        if dag_id in dags:
            oldest.add_metric(_labels(dags[dag_id]), (now - since).total_seconds())
    for dag in dags.values():
        if isinstance(timeout := dag.fields.get("dagrun_timeout"), int | float):
            limit.add_metric(_labels(dag), timeout)
    yield from (oldest, limit)


def _labels(dag: StoredDag) -> list[str]:
    return [dag.dag_id, job_type_of(dag), queue_of(dag)]


def _runs(session: Session, dags: dict[str, StoredDag]) -> Iterator[Metric]:
    ended = CounterMetricFamily("baton_job_runs", "Runs that have ended", labels=[*_LABELS, "status"])
    took = HistogramMetricFamily("baton_job_duration_seconds", "How long runs took", labels=_LABELS)
    found = sorted(each for each in run_totals(session, BUCKETS) if each[0] in dags)
    for dag_id, states in groupby(found, key=lambda each: each[0]):
        counts, seconds = [0] * (len(BUCKETS) + 1), 0.0
        for _, state, numbers, total in states:
            counts = [a + b for a, b in zip(counts, numbers, strict=True)]
            seconds += total
            ended.add_metric([*_labels(dags[dag_id]), state], numbers[-1])
        bounds = [*(str(float(bound)) for bound in BUCKETS), "+Inf"]
        took.add_metric(_labels(dags[dag_id]), list(zip(bounds, counts, strict=True)), sum_value=seconds)
    yield from (ended, took)


def _queue_metrics(session: Session) -> Iterator[Metric]:
    status = queues_status(session, with_waits=False)
    depth = GaugeMetricFamily("baton_queue_tasks", "Tasks of a queue", labels=["queue", "state"])
    wait = GaugeMetricFamily(
        "baton_queue_longest_wait_seconds", "Of the tasks that wait for a worker", labels=["queue"]
    )
    for queue in status.queues:
        for state in ("pending", "active", "scheduled"):
            depth.add_metric([queue.name, state], getattr(queue, state))
        wait.add_metric([queue.name], queue.longest_wait_seconds)
    places = GaugeMetricFamily("baton_workers", "Places for tasks", labels=["state"])
    places.add_metric(["active"], status.workers.active)
    places.add_metric(["idle"], status.workers.idle)
    used = status.workers.active / status.workers.total if status.workers.total else 0.0
    busy = GaugeMetricFamily("baton_worker_utilisation_ratio", "Part of the places that is taken", value=used)
    begun = CounterMetricFamily("baton_queue_tasks_begun", "Tasks that have begun", labels=["queue"])
    again = CounterMetricFamily("baton_queue_retries", "Tries beyond a task's first", labels=["queue"])
    sums: dict[str, tuple[int, int]] = {}
    for name, count, more in retries(session):
        known = sums.get(class_of(name), (0, 0))
        sums[class_of(name)] = (known[0] + count, known[1] + more)
    for name, (count, more) in sums.items():
        begun.add_metric([name], count)
        again.add_metric([name], more)
    yield from (depth, wait, places, busy, begun, again)
