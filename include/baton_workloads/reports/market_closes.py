"""When an exchange closes: made from a calendar once, so that a scheduler need not import pandas to know it."""

from collections.abc import Iterator
from datetime import UTC

from baton_workloads.errors import ConfigurationError

HEAD = """\
# When {exchange} closes, UTC; "early" marks half days. Made by
# python -m baton_workloads reports market-closes {exchange} --first-year {first} --last-year {last}
"""


def market_closes(exchange: str, first_year: int, last_year: int) -> Iterator[str]:
    """Give the lines of a calendar file: a head, then one close each, in order.

    :param exchange: its code by ISO 10383, ``XFRA``, ``XNYS``.
    :raises ConfigurationError: no such calendar, or it does not reach that far.
    """
    import exchange_calendars
    from exchange_calendars.errors import CalendarError

    span = {"start": f"{first_year}-01-01", "end": f"{last_year}-12-31"}
    try:
        calendar = exchange_calendars.get_calendar(exchange, **span)
    except (CalendarError, ValueError) as err:
        raise ConfigurationError(f"calendar {exchange} from {first_year} to {last_year} cannot be made: {err}") from err
    early = set(calendar.early_closes)
    yield from HEAD.format(exchange=exchange, first=first_year, last=last_year).splitlines()
    for session, close in calendar.closes.items():
        mark = " early" if session in early else ""
        yield f"{close.to_pydatetime().astimezone(UTC):%Y-%m-%dT%H:%MZ}{mark}"
