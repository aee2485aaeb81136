"""The timetable of an exchange's closes: half days, holidays, clock changes, missed ones."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given
from hypothesis import strategies as st

from baton.exceptions import PermanentError
from baton.reports import market_close_timetable as market_close
from baton.reports.market_close_timetable import CALENDARS, MarketCloseTimetable, closes
from baton_workloads.reports.market_closes import market_closes

EXCHANGES = sorted(path.stem for path in CALENDARS.glob("*.txt"))
moments = st.datetimes(datetime(2026, 1, 5), datetime(2031, 12, 20), timezones=st.just(UTC))


def following(exchange, after, *, catchup=True, earliest=None, latest=None):
    """The run after one that was at a moment, or the first one."""
    import pendulum

    at = after and DataInterval.exact(pendulum.instance(after))
    restriction = TimeRestriction(
        earliest=earliest and pendulum.instance(earliest), latest=latest and pendulum.instance(latest), catchup=catchup
    )
    info = MarketCloseTimetable(exchange).next_dagrun_info(last_automated_data_interval=at, restriction=restriction)
    return info and info.run_after


@pytest.mark.filterwarnings("ignore:Series.values returning")  # exchange-calendars with a new pandas
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_file_is_what_the_calendar_says(exchange):
    """Made anew by the command in its head, it is the same."""
    text = (CALENDARS / f"{exchange}.txt").read_text()
    first, last = (int(word) for word in text.splitlines()[1].split() if word.isdigit())
    assert list(market_closes(exchange, first, last)) == text.splitlines()


@pytest.mark.parametrize(
    ("exchange", "after", "expected"),
    [
        ("XFRA", "2026-11-20T16:30Z", "2026-11-23T16:30Z"),  # a weekend
        ("XFRA", "2026-03-27T16:30Z", "2026-03-30T15:30Z"),  # the clock went forward: an hour earlier in UTC
        ("XFRA", "2026-10-23T15:30Z", "2026-10-26T16:30Z"),  # and back
        ("XFRA", "2026-04-02T15:30Z", "2026-04-07T15:30Z"),  # Good Friday and Easter Monday
        ("XFRA", "2026-12-29T16:30Z", "2026-12-30T13:00Z"),  # the year's last day is half
        ("XFRA", "2026-12-30T13:00Z", "2027-01-04T16:30Z"),
        ("XNYS", "2026-11-25T21:00Z", "2026-11-27T18:00Z"),  # Thanksgiving, then half a day
        ("XNYS", "2026-03-06T21:00Z", "2026-03-09T20:00Z"),  # New York's clock changes three weeks before Frankfurt's
    ],
)
def test_a_run_follows_the_exchanges_own_clock(exchange, after, expected):
    """Half days end early, holidays have none."""
    assert following(exchange, datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


@given(st.sampled_from(EXCHANGES), moments)
def test_runs_go_through_all_closes_in_order(exchange, moment):
    """The next close is the first one after; nothing is between; weekends have none; hours are those of a close."""
    close = following(exchange, moment)
    known = closes(exchange)
    assert close > moment
    assert [other for other in known if moment < other < close] == []
    assert close.weekday() < 5
    assert close - moment < timedelta(days=8)
    assert 11 <= close.hour <= 21


@given(st.sampled_from(EXCHANGES), moments, moments)
def test_of_missed_closes_only_the_latest_is_made_up_for(exchange, last, now):
    """After a week of standing still one run starts, not five; and never one that was already run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market_close, "_now", lambda: now)
        close = following(exchange, last, catchup=False)
    past = [other for other in closes(exchange) if last < other <= now]
    assert close == (past[-1] if past else following(exchange, max(last, now) if last < now else last))
    assert close > last


def test_a_dag_that_ends_has_no_run_after_its_end():
    """And none before its start."""
    day = datetime(2026, 6, 1, tzinfo=UTC)
    assert following("XFRA", day, latest=day + timedelta(hours=1)) is None
    assert following("XFRA", None, earliest=day) == datetime(2026, 6, 1, 15, 30, tzinfo=UTC)


def test_it_survives_serialisation():
    """The scheduler makes it from JSON."""
    made = MarketCloseTimetable("XFRA")
    again = MarketCloseTimetable.deserialize(json.loads(json.dumps(made.serialize())))
    assert (again.summary, again.description) == (made.summary, made.description)


def test_an_unknown_exchange_is_named_with_those_that_are_known():
    """And the name is the file to make."""
    with pytest.raises(PermanentError, match=r"XFRA, XNYS; make XLON\.txt"):
        MarketCloseTimetable("XLON")


def test_a_calendar_that_has_run_out_stops_the_dag(monkeypatch):
    """An import error is seen; a DAG that silently never runs again is not."""
    monkeypatch.setattr(market_close, "_now", lambda: datetime(2032, 1, 2, tzinfo=UTC))
    with pytest.raises(PermanentError, match="market-closes XFRA"):
        MarketCloseTimetable("XFRA")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_calendar_reaches_far_enough(exchange):
    """Fails a year before it runs out: time to make it anew."""
    assert closes(exchange)[-1] > datetime.now(UTC) + timedelta(days=365)


def test_no_calendar_library_is_imported():
    """The DAG processor would pay for pandas."""
    code = (
        "import sys; import baton.reports.market_close_timetable as m; m.MarketCloseTimetable('XFRA');"
        "print([name for name in ('pandas', 'exchange_calendars', 'numpy') if name in sys.modules])"
    )
    plugins = Path(market_close.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(plugins), "HOME": "/nonexistent"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1] == "[]"
