"""The receiver's own metrics, for Prometheus: what its process has counted, and how files, switches and targets are.

What is counted is of one process. Where the API server has several workers, name a folder in
`PROMETHEUS_MULTIPROC_DIR`: the library adds them up then. What is (`baton_alerts_…` gauges) comes from files and
database and is the same in each.
Source: https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Condition:
    """How the receiver is, at the moment of a scrape.

    :param files: by name: whether the last version can be used.
    :param off: routes that are switched off; empty text: all of them.
    :param targets: by route and DAG: whether a run could be made now.
    :param refused: by sender, address and answer: posts of which nothing was decided, as long as they are remembered.
    """

    files: dict[str, bool] = field(default_factory=dict)
    off: list[str] = field(default_factory=list)
    targets: dict[tuple[str, str], bool] = field(default_factory=dict)
    refused: dict[tuple[str, str, str], int] = field(default_factory=dict)


class Metrics:
    """Counts, and what a scrape is answered with."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._posts = Counter(
            "baton_alerts_posts", "Posts, by address and HTTP status.", ["endpoint", "status"], registry=self._registry
        )
        self._decisions = Counter(
            "baton_alerts_decisions",
            "Alerts on routes, by what was decided; repeats included.",
            ["route", "decision"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "baton_alerts_post_seconds",
            "From the head of a post to its answer.",
            registry=self._registry,
            buckets=_SECONDS,
        )

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a post."""
        self._posts.labels(endpoint, str(status)).inc()
        self._seconds.observe(seconds)

    def decided(self, route: str, decision: str) -> None:
        """Count a decision."""
        self._decisions.labels(route, decision).inc()

    def text(self, condition: Condition, accept: str) -> tuple[bytes, str]:
        """What a scrape gets, OpenMetrics for whoever takes it, and its media type."""
        encode, media_type = choose_encoder(accept)
        registry = CollectorRegistry()
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(_Given(self._registry.collect()))
        registry.register(_Given(_gauges(condition)))
        return encode(registry), media_type


class _Given(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """Them."""
        return self._metrics


def _gauges(condition: Condition) -> Iterator[Metric]:
    files = GaugeMetricFamily("baton_alerts_file_ok", "Whether a file's last version can be used.", labels=["file"])
    for name, is_fine in condition.files.items():
        files.add_metric([name], float(is_fine))
    off = GaugeMetricFamily(
        "baton_alerts_off", "1 for each switch that is off; route is empty for all.", labels=["route"]
    )
    for route in condition.off:
        off.add_metric([route], 1)
    targets = GaugeMetricFamily(
        "baton_alerts_target_ok", "Whether a run could be made now.", labels=["route", "dag_id"]
    )
    for (route, dag_id), is_fine in condition.targets.items():
        targets.add_metric([route, dag_id], float(is_fine))
    refused = GaugeMetricFamily(
        "baton_alerts_refused_posts",
        "Posts of which nothing was decided, as long as they are remembered; sender is empty for nobody known.",
        labels=["sender", "endpoint", "status"],
    )
    for key, times in condition.refused.items():
        refused.add_metric(key, times)
    yield from (files, off, targets, refused)
