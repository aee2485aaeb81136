"""What a schedule may say, and the words in which one is refused."""

from __future__ import annotations

import doctest
import timeit
from datetime import UTC, datetime

import pytest

import kubernetes_cron
from kubernetes_cron import ScheduleError, TimeZoneError, load_zone, parse

START = datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("", "empty spec string"),
        ("@reboot", "unrecognized descriptor: @reboot"),
        ("@Daily", "unrecognized descriptor: @Daily"),
        ("@daily ", "unrecognized descriptor: @daily "),
        (" @daily", "expected exactly 5 fields, found 1: [@daily]"),
        ("   ", "expected exactly 5 fields, found 0: []"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* 24 * * *", "end of range (24) above maximum (23): 24"),
        ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("0 0 * 13 *", "end of range (13) above maximum (12): 13"),
        ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("0 0 * * fri-mon", "beginning of range (5) beyond end of range (1): fri-mon"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("*/-5 * * * *", "negative number (-5) not allowed: -5"),
        ("-5 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("0 0 L * *", 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'),
        ("0 0 * * 1#2", 'failed to parse int from 1#2: strconv.Atoi: parsing "1#2": invalid syntax'),
        ("H * * * *", 'failed to parse int from H: strconv.Atoi: parsing "H": invalid syntax'),
        ("1_0 * * * *", 'failed to parse int from 1_0: strconv.Atoi: parsing "1_0": invalid syntax'),
        (
            "9223372036854775808 * * * *",
            "failed to parse int from 9223372036854775808: "
            'strconv.Atoi: parsing "9223372036854775808": value out of range',
        ),
        ("TZ=UTC 0 1 * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ("CRON_TZ=UTC 0 1 * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ("@every ", 'failed to parse duration @every : time: invalid duration ""'),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("@every -", 'failed to parse duration @every -: time: invalid duration "-"'),
        ("@every .s", 'failed to parse duration @every .s: time: invalid duration ".s"'),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("@every 5d", 'failed to parse duration @every 5d: time: unknown unit "d" in duration "5d"'),
        ("@every 9999999h", 'failed to parse duration @every 9999999h: time: invalid duration "9999999h"'),
    ],
)
def test_a_refused_schedule_is_refused_in_the_words_of_kubernetes(schedule, message):
    """Clients of the API and logs of the controller show these texts."""
    with pytest.raises(ScheduleError) as caught:
        parse(schedule)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("", "timeZone must be nil or non-empty string"),
        ("Local", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
        ("LOCAL", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
        ("Nowhere/City", "unknown time zone Nowhere/City"),
        ("Europe", "unknown time zone Europe"),
        ("../etc/passwd", "unknown time zone ../etc/passwd"),
        ("/etc/localtime", "unknown time zone /etc/localtime"),
        ("Europe/Prague ", "unknown time zone Europe/Prague "),
    ],
)
def test_a_refused_zone_is_refused_in_the_words_of_kubernetes(zone, message):
    """A zone has to be a name of the database; no path leads out of it."""
    with pytest.raises(TimeZoneError) as caught:
        load_zone(zone)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("@every 90m", "2026-01-01T01:30:00"),
        ("@every 1h30m5.9s", "2026-01-01T01:30:05"),
        ("@every 1.5h", "2026-01-01T01:30:00"),
        ("@every 300ms", "2026-01-01T00:00:01"),
        ("@every -5m", "2026-01-01T00:00:01"),
        ("@every 0", "2026-01-01T00:00:01"),
        ("@annually", "2027-01-01T00:00:00"),
        ("@midnight", "2026-01-02T00:00:00"),
        ("+5 * * * *", "2026-01-01T00:05:00"),
        ("1,,2 * * * *", "2026-01-01T00:01:00"),
        ("*-3 5 * * *", "2026-01-01T05:00:00"),
        ("0\t12  * * sun,SAT", "2026-01-03T12:00:00"),
        ("0 0 */40 * *", "2026-02-01T00:00:00"),
        ("0 0 13 * 5", "2026-01-02T00:00:00"),
        ("0 0 13 * */1", "2026-01-13T00:00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00"),
    ],
)
def test_an_accepted_schedule_means_what_it_means_in_kubernetes(schedule, expected):
    """Spellings that other libraries refuse or read differently."""
    assert parse(schedule).next(START) == datetime.fromisoformat(expected + "+00:00")


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 ?", ", * * * *", "* * , * 1,"])
def test_what_never_comes_has_no_next_time(schedule):
    """None, and that without walking through five years."""
    expected = datetime(2026, 1, 5, tzinfo=UTC) if schedule.endswith("1,") else None

    assert parse(schedule).next(START) == expected


def test_nothing_is_looked_for_beyond_five_years():
    """There is no 29 February between 2096 and 2104."""
    assert parse("0 0 29 2 *").next(datetime(2096, 3, 1, tzinfo=UTC)) is None


def test_a_day_that_a_zone_left_out_is_passed():
    """Samoa went from 29 to 31 December 2011."""
    before = datetime(2011, 12, 15, tzinfo=UTC)

    assert parse("0 0 31 12 *", "Pacific/Apia").next(before) == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused():
    """It could mean any time of the day."""
    with pytest.raises(ValueError, match="has no time zone"):
        parse("* * * * *").next(START.replace(tzinfo=None))


def test_the_example_of_the_package_is_true():
    """What its docstring shows."""
    assert doctest.testmod(kubernetes_cron) == (0, 3)


@pytest.mark.parametrize("schedule", ["* * * * *", "59 23 31 12 *", "0 0 29 2 *", "0 0 31 2 *"])
def test_the_next_time_is_found_quickly(schedule):
    """In well below a millisecond on an idle machine, whatever the schedule; a hundred times that is a defect."""
    search = parse(schedule, "Europe/Prague")

    assert min(timeit.repeat(lambda: search.next(START), number=10, repeat=5)) / 10 < 0.01
