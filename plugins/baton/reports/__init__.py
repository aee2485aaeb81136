"""Delivery of reports: what was rendered in a pod reaches its recipients, once."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.reports.market_close_timetable import MarketCloseTimetable as MarketCloseTimetable
    from baton.reports.operator import DeliverReportOperator as DeliverReportOperator

_MODULES = {
    "DeliverReportOperator": "operator",
    "MarketCloseTimetable": "market_close_timetable",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
