"""What collectors have in common: what they get, what they give, and how they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baton.alerts.conf import AlertConf
from baton.incidents.diagnostics.cluster_connection import ClusterConnection
from baton.incidents.diagnostics.workload import Workload

DONE, SKIPPED, FAILED, LATE = "done", "skipped", "failed", "late"
"""How a collector ended: `skipped` is when there is nothing to ask, `late` when its time was over before its work."""


class NothingToCollectError(Exception):
    """There is nothing to ask here; the message says why. No failure."""


class PartlyCollectedError(Exception):
    """Something of what was asked for could not be had; the message says what. The rest is there."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the archive.

    :param path: in the archive; made of names that the API server gave, never of a label.
    :param content: text, or an object of Kubernetes, which is written as YAML.
    :param figure: series to draw in the index.
    """

    path: str
    title: str
    content: str | Mapping[str, Any]
    figure: Figure | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of a range of time.

    :param series: label → (unix time, value).
    :param begin: when the alert began, unix time.
    """

    title: str
    unit: str
    series: Mapping[str, Sequence[tuple[float, float]]]
    begin: float


@dataclass(frozen=True, slots=True)
class CollectionScope:
    """What collectors get.

    :param until: when the collecting began.
    """

    cluster: ClusterConnection
    workload: Workload
    conf: AlertConf
    until: datetime


Collect = Callable[[CollectionScope], AsyncGenerator[Document]]


@dataclass(frozen=True, slots=True)
class Collector:
    """One kind of evidence.

    :param seconds: its time; what it has by then is kept.
    """

    name: str
    title: str
    collect: Collect
    seconds: float


@dataclass(slots=True)
class Outcome:
    """How one collector ended."""

    name: str
    title: str
    status: str = DONE
    detail: str = ""
    seconds: float = 0.0
    paths: list[str] = field(default_factory=list)
