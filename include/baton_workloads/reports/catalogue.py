"""Which reports there are: what each is called, what it covers, who writes it."""

from collections.abc import Callable
from dataclasses import dataclass

from baton_workloads.errors import ConfigurationError
from baton_workloads.reports.content.alert_digest import alert_digest
from baton_workloads.reports.content.daily_sales import daily_sales
from baton_workloads.reports.content.low_stock import low_stock
from baton_workloads.reports.content.monthly_business import monthly_business
from baton_workloads.reports.content.reconciliation import reconciliation
from baton_workloads.reports.content.weekly_inventory import weekly_inventory
from baton_workloads.reports.content.weekly_summary import weekly_summary
from baton_workloads.reports.model import Report
from baton_workloads.reports.period import Kind, Period
from baton_workloads.reports.sources import Sources


@dataclass(frozen=True)
class Entry:
    """One report. :param covers: what its period is."""

    covers: Kind
    write: Callable[[Sources, Period], Report]


REPORTS: dict[str, Entry] = {
    "daily_sales": Entry("day", daily_sales),
    "weekly_summary": Entry("week", weekly_summary),
    "weekly_inventory": Entry("week", weekly_inventory),
    "monthly_business": Entry("month", monthly_business),
    "low_stock": Entry("moment", low_stock),
    "alert_digest": Entry("moment", alert_digest),
    "reconciliation": Entry("moment", reconciliation),
}


def entry(name: str) -> Entry:
    """Give one report.

    :raises ConfigurationError: there is none of this name.
    """
    if name not in REPORTS:
        raise ConfigurationError(f"there is no report {name!r}; there are {', '.join(REPORTS)}")
    return REPORTS[name]
