"""What makes a module of ``content`` a report."""

from collections.abc import Callable
from dataclasses import dataclass

from baton_workloads.reports.model import Report
from baton_workloads.reports.period import Kind, Period
from baton_workloads.reports.sources import Sources


@dataclass(frozen=True)
class Definition:
    """One report.

    :param covers: what its period is.
    """

    covers: Kind
    write: Callable[[Sources, Period], Report]
