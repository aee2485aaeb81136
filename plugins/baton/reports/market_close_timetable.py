"""Runs when an exchange closes: not on holidays, earlier on half days, and by its own clock changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime

from baton.exceptions import PermanentError

CALENDARS = Path(__file__).parent / "market_closes"


class MarketCloseTimetable(Timetable):
    """One run at each close of an exchange; of missed ones only the latest is made up for.

    Why a file of moments and not a calendar library: the DAG processor and the scheduler make this timetable again and
    again, and such a library imports pandas. `python -m baton_workloads reports market-closes` makes the file.

    :param exchange: code by ISO 10383 of an exchange that has a file in `market_closes`, `XFRA` or `XNYS`.
    :raises PermanentError: there is no such file, or its last close is past.
    """

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self.description = f"At each close of {exchange}, half days and holidays as its calendar has them"
        last = closes(exchange)[-1]
        if last < _now():
            raise PermanentError(
                f"the calendar of {exchange} ends on {last:%Y-%m-%d}: make it anew with"
                f" `python -m baton_workloads reports market-closes {exchange}`, the command is in its file"
            )

    @property
    def summary(self) -> str:
        """The exchange."""
        return f"close of {self._exchange}"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler needs to make the timetable again."""
        return {"exchange": self._exchange}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> MarketCloseTimetable:
        """Make it from what `serialize` gave."""
        return cls(data["exchange"])

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand covers no time either."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The close that runs next; None when the DAG ends before it."""
        last = _plain(last_automated_data_interval and last_automated_data_interval.end)
        close = self._next(last, _plain(restriction.earliest), catchup=restriction.catchup)
        if close is None or (restriction.latest is not None and close > restriction.latest):
            return None
        return DagRunInfo.exact(coerce_datetime(close))

    def _next(self, last: datetime | None, earliest: datetime | None, *, catchup: bool) -> datetime | None:
        known = closes(self._exchange)
        first = max(
            bisect_right(known, last) if last else 0,
            bisect_left(known, earliest) if earliest else 0,
        )
        if not catchup:
            first = max(first, bisect_right(known, _now()) - 1)  # the latest that is past
        return known[first] if first < len(known) else None


@cache
def closes(exchange: str) -> list[datetime]:
    """Give all known closes of an exchange, in order.

    :raises PermanentError: its calendar is missing.
    """
    path = CALENDARS / f"{exchange}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        known = ", ".join(sorted(found.stem for found in CALENDARS.glob("*.txt")))
        raise PermanentError(f"no calendar of {exchange!r}: there are {known}; make {path.name}") from err
    return [datetime.fromisoformat(line.split()[0]) for line in lines if line and not line.startswith("#")]


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(moment: datetime | None) -> datetime | None:
    return moment and datetime.fromtimestamp(moment.timestamp(), UTC)
