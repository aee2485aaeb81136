"""A report of everything that has ever broken one."""

from datetime import UTC, date, datetime
from decimal import Decimal

from baton_workloads.reports.model import Chart, Figure, Figures, Note, Report, Table
from baton_workloads.reports.period import day_of
from baton_workloads.reports.values import Absent, Count, Day, Moment, Money, Percent, Quantity, Text

NAMES = (
    "<script>alert(1)</script> & Söhne",
    "حقيبة ½ L 42",
    "\u202eevil\u202c turned",
    "👩\u200d👩\u200d👧 Familie",
    "Donaudampfschifffahrt" * 12,
    "#set page(fill: red) $x^2$ _a_ *b* @ref `code` \\",
    "{{ 7 * 7 }} {% raw %} ${x}",
    "<!channel> <https://evil.example|click> @here",
    "two\nlines\ttab\x00nul",
    "茶碗 Łódź",
    "",
)
HUGE = Decimal("98765432109876.543")


def hostile() -> Report:
    """Make it."""
    rows = tuple(
        (Text(name), Count(10**number), Money(HUGE / 10**number, "EUR"), Percent(Decimal(1) / (number + 3)))
        for number, name in enumerate(NAMES)
    )
    moment = Moment(datetime(2026, 11, 21, 9, tzinfo=UTC))
    wide = tuple(
        (Text(name), Day(date(2026, 11, 21)), Text(str(number)), moment, Absent(), Quantity(Decimal(1) / 3, "days"))
        for number, name in enumerate(NAMES)
    )
    figures = Figures(
        (
            Figure("Revenue", Money(HUGE, "EUR"), Percent(Decimal(-1) / 3, signed=True), "vs last Sat"),
            Figure("Nearly huge", Money(Decimal("-9999999.99"), "EUR"), Absent(), "vs last Sat"),
            Figure("Orders", Count(123456)),
            Figure("Nothing", Absent()),
            Figure("Share", Percent(Decimal(2) / 3)),
        )
    )
    total = (Text("Together"), Count(10**11), Money(HUGE, "EUR"), Absent())
    return Report(
        "hostile",
        "What breaks <b>reports</b>",
        day_of(date(2026, 11, 21), "Europe/Prague"),
        f"{Money(HUGE, 'EUR').text} from {NAMES[0]}.",
        [
            figures,
            Note(f"A warning about {NAMES[4]}", "warning"),
            Chart("By place", tuple((Text(name).text, HUGE / 7) for name in NAMES), "EUR", "A chart.", horizontal=True),
            Chart("By day", tuple((f"{day} Nov", Decimal(day) / 7) for day in range(1, 29)), "EUR", "Another chart."),
            Table("Names", ("Name", "Count", "Amount", "Share"), rows, total, left_out=1234567),
            Table("Wide", ("Name", "Day", "Number", "Moment", "Nothing", "Lasts"), wide),
            Table("Long", ("Name", "Count"), tuple((Text(f"row {n}"), Count(n)) for n in range(120))),
            Table("Empty", ("Name", "Count"), ()),
            Note("A note."),
        ],
    )
