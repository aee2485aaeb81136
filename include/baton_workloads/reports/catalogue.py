"""Which reports there are: what each is called, what it covers, which database it reads, who writes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from baton_workloads.errors import ConfigurationError
from baton_workloads.reports.content.daily_sales import daily_sales
from baton_workloads.reports.model import Report
from baton_workloads.reports.period import Kind, Period
from baton_workloads.reports.queries import Queries

Database = Literal["warehouse", "source"]
DSN = {"warehouse": "BATON_WAREHOUSE_DSN", "source": "BATON_SOURCE_DSN"}


@dataclass(frozen=True)
class Entry:
    """One report.

    :param covers: what its period is.
    :param reads: ``warehouse``: masked data; ``source``: the shop itself, where the warehouse has no such table.
    """

    covers: Kind
    reads: Database
    write: Callable[[Queries, Period], Report]


REPORTS: dict[str, Entry] = {
    "daily_sales": Entry("day", "warehouse", daily_sales),
}


def entry(name: str) -> Entry:
    """Give one report.

    :raises ConfigurationError: there is none of this name.
    """
    if name not in REPORTS:
        raise ConfigurationError(f"there is no report {name!r}; there are {', '.join(REPORTS)}")
    return REPORTS[name]
