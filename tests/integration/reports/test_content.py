"""What reports say of the demo shop, compared with what the shop itself says."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest
from tests.integration.reports.conftest import INCLUDE

from baton_workloads.errors import ConfigurationError, WorkloadError
from baton_workloads.reports.discovery import definition, definitions
from baton_workloads.reports.model import Figures, Note, Table
from baton_workloads.reports.period import period_for
from baton_workloads.reports.sources import Sources
from baton_workloads.reports.view import view

ZONE = "Europe/Prague"
DAY, NO_SALES = "2026-11-01", "2026-11-22"


@pytest.fixture
def write(shop_dsn, monkeypatch):
    """Writes a report on the shop."""
    monkeypatch.setenv("BATON_SOURCE_DSN", shop_dsn)
    monkeypatch.setenv("BATON_WAREHOUSE_DSN", shop_dsn)

    def run(name, run_key, hours=24, **inputs):
        period = period_for(definition(name).covers, run_key, ZONE, hours)
        with Sources({**period.parameters(), "currency": "EUR"}, inputs) as sources:
            return definition(name).write(sources, period)

    return run


def figures(report):
    """Label → value, of all figures."""
    return {figure.label: figure.value for part in report.parts if isinstance(part, Figures) for figure in part.figures}


def table(report, title):
    return next(part for part in report.parts if isinstance(part, Table) and part.title == title)


def test_a_day_is_the_readers_day(write, rows):
    """Revenue of 25 October, which has 25 hours in Prague, is the sum of its orders by the recipient's clock."""
    [(orders, revenue)] = rows(
        "SELECT count(*), sum(total_amount) FROM orders WHERE status <> 'cancelled'"
        " AND (placed_at AT TIME ZONE %s)::date = %s",
        ZONE,
        date(2026, 10, 25),
    )
    found = figures(write("daily_sales", "2026-10-26"))
    assert (found["Orders"].number, found["Revenue"].amount) == (orders, revenue)


@pytest.mark.parametrize(
    ("name", "key"), [("daily_sales", DAY), ("monthly_business", DAY), ("weekly_summary", "2026-10-26")]
)
def test_tables_add_up_to_the_figures(write, name, key):
    """The same money by category as in all."""
    report = write(name, key)
    revenue = figures(report)["Revenue"].amount
    assert revenue > 0
    if name != "weekly_summary":
        assert sum((row[2].amount for row in table(report, "By category").rows), Decimal()) == revenue


def test_days_add_up_to_the_month(write):
    """No order is in two days or in none."""
    days = [write("daily_sales", f"2026-10-{day + 1:02d}") for day in range(1, 31)] + [write("daily_sales", DAY)]
    month = figures(write("monthly_business", DAY))
    assert sum(figures(day)["Orders"].number for day in days) == month["Orders"].number


@pytest.mark.parametrize("name", ["daily_sales", "weekly_summary", "monthly_business"])
def test_a_period_without_sales_says_so(write, name):
    """It names the last order that is known, instead of zeros without a word."""
    report = write(name, "2028-03-01" if name == "monthly_business" else "2026-11-30")
    warnings = [part.text for part in report.parts if isinstance(part, Note) and part.tone == "warning"]
    assert report.headline == "Nothing was sold."
    assert "The latest order that the warehouse knows is of 1 Nov 2026" in warnings[0]
    assert not report.charts
    assert view(report)


def test_other_currencies_are_named_and_not_added(write, rows):
    """One dollar is not one euro."""
    before = figures(write("daily_sales", DAY))["Revenue"].amount
    rows(
        "INSERT INTO orders (id, customer_id, status, currency, total_amount, placed_at)"
        " VALUES (90000001, 1, 'paid', 'USD', 12.5, '2026-10-31 12:00+00')"
    )
    try:
        report = write("daily_sales", DAY)
    finally:
        rows("DELETE FROM orders WHERE id = 90000001")
    assert figures(report)["Revenue"].amount == before
    assert any("12.50\u00a0USD" in part.text for part in report.parts if isinstance(part, Note))


def test_data_that_was_loaded_too_early_is_named(write, rows):
    """A report on the clock does not pass yesterday's data off as today's."""
    rows("CREATE SCHEMA IF NOT EXISTS baton")
    rows("CREATE TABLE baton.load_ledger (dataset text, loaded_at timestamptz)")
    rows("INSERT INTO baton.load_ledger VALUES ('orders', '2026-10-31 02:00+00')")
    try:
        report = write("monthly_business", DAY)
    finally:
        rows("DROP TABLE baton.load_ledger")
    assert any("its end is missing" in part.text for part in report.parts if isinstance(part, Note))


def test_the_reconciliation_finds_what_was_hidden_and_nothing_else(write, rows):
    """All differences that the shop's makers planted, each by its name and its ids."""
    planted = rows("SELECT kind, order_id, payment_id, transaction_id FROM shop_meta.known_differences")
    report = write("reconciliation", "2026-11-01T1200Z", hours=24 * 365 * 20, threshold="500")
    found = table(report, "Each difference")
    assert report.facts == {"differences": len(planted), "needs_approval": True}
    kinds = [row[0].text for row in found.rows]
    assert sorted(kinds) == sorted(kind for kind, *_ in planted)
    payments = {(row[0].text, row[3].text) for row in found.rows}
    assert payments >= {(kind, str(payment)) for kind, _, payment, _ in planted if payment is not None}
    transactions = {(row[0].text, row[4].text) for row in found.rows}
    assert transactions >= {(kind, str(number)) for kind, _, _, number in planted if number is not None}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (
            "UPDATE payments SET currency = 'USD' WHERE id = %s",
            ["booked in another currency", "paid in another currency"],
        ),
        ("UPDATE ledger_entries SET currency = 'USD' WHERE payment_id = %s", ["booked in another currency"]),
    ],
)
def test_the_same_number_in_another_currency_does_not_agree(write, rows, change, kinds):
    """A dollar for a euro: the payment settles no order, the booking no payment, and a person is asked."""
    [(payment,)] = rows(
        "SELECT id FROM payments p WHERE status = 'captured' AND amount > 1 AND captured_at < '2026-11-01'"
        " AND NOT EXISTS (SELECT FROM shop_meta.known_differences d"
        " WHERE d.payment_id = p.id OR d.order_id = p.order_id)"
        " ORDER BY captured_at DESC LIMIT 1"
    )
    rows(change, payment)
    try:
        report = write("reconciliation", "2026-11-01T1200Z", hours=90 * 24, threshold="1000000")
    finally:
        rows(change.replace("USD", "EUR"), payment)
    found = [row[0].text for row in table(report, "Each difference").rows if row[3].text == str(payment)]
    assert sorted(kind for kind in found if kind.endswith("currency")) == kinds
    assert report.facts["needs_approval"] is True


@pytest.mark.parametrize(("threshold", "needed"), [("16959", True), ("16960", False), ("0", True)])
def test_approval_is_needed_above_the_threshold(write, threshold, needed):
    """To the cent: the differences of these 90 days are 16,959.87."""
    report = write("reconciliation", "2026-11-01T1200Z", hours=90 * 24, threshold=threshold)
    assert report.facts["needs_approval"] is needed


def test_when_all_agrees_nobody_is_asked(write):
    """An empty reconciliation is a good one."""
    report = write("reconciliation", "2026-11-22T1630Z", threshold="0")
    assert (report.headline, report.facts["needs_approval"]) == ("All agrees.", False)


def test_low_stock_is_told_once_and_again_after_it_recovered(write, rows):
    """An item is in the alert of the period that saw it first; rendered again, that period says the same."""
    rows("DROP TABLE IF EXISTS baton.low_stock_episodes")
    first = write("low_stock", "2026-11-01T0000Z")
    assert first.facts["new"] == first.facts["low"] > 0
    assert write("low_stock", "2026-11-01T0400Z").is_empty
    assert write("low_stock", "2026-11-01T0000Z").facts == first.facts
    [(product, warehouse, on_hand)] = rows(
        "SELECT product_id, warehouse, on_hand FROM inventory i JOIN products p ON p.id = product_id"
        " WHERE on_hand - reserved < reorder_point AND is_active LIMIT 1"
    )
    change = "UPDATE inventory SET on_hand = %s WHERE product_id = %s AND warehouse = %s"
    rows(change, 500, product, warehouse)
    assert write("low_stock", "2026-11-01T0800Z").is_empty
    rows(change, on_hand, product, warehouse)
    again = write("low_stock", "2026-11-01T1200Z")
    assert again.facts["new"] == 1
    assert write("low_stock", "2026-11-01T1600Z").is_empty


def test_inventory_counts_every_active_item(write, rows):
    """Value and low items are those of the shop."""
    [(value, low)] = rows(
        "SELECT sum(on_hand * cost), count(*) FILTER (WHERE on_hand - reserved < reorder_point)"
        " FROM inventory JOIN products p ON p.id = product_id WHERE is_active"
    )
    report = write("weekly_inventory", "2026-11-02")
    assert figures(report)["Value at cost"].amount == value
    assert report.facts["low"] == low


def alerts(tmp_path, content):
    path = tmp_path / "alerts.json"
    path.write_text(json.dumps(content))
    return f"file://{path}"


def test_a_digest_names_the_source_that_is_missing(write, tmp_path):
    """No news because nobody was asked is not good news."""
    uri = alerts(tmp_path, {"alertmanager": {"state": "unreachable"}, "receiver": {"state": "absent"}})
    report = write("alert_digest", "2026-11-20T0700Z", alerts=uri)
    warnings = [part.text for part in report.parts if isinstance(part, Note)]
    assert [warning.split(" ")[0] for warning in warnings] == ["Alertmanager", "The"]
    assert report.headline == "Neither Alertmanager nor the receiver could be asked."


def test_a_digest_puts_the_worst_first(write, tmp_path):
    """Critical alerts lead, whatever their age; what began since the last digest is counted."""
    firing = [
        {"labels": {"alertname": "Disk", "severity": "warning"}, "startsAt": "2026-11-20T06:00:00.000Z"},
        {"labels": {"alertname": "Down", "severity": "critical", "job": "api"}, "startsAt": "2026-10-01T06:00:00Z"},
    ]
    uri = alerts(tmp_path, {"alertmanager": {"state": "ok", "alerts": firing}, "receiver": {"state": "absent"}})
    report = write("alert_digest", "2026-11-20T0700Z", alerts=uri)
    assert [row[0].text for row in table(report, "Firing now").rows] == ["Down", "Disk"]
    assert report.facts == {"firing": 2, "began": 1}


@pytest.mark.parametrize("name", definitions())
def test_a_missing_input_or_report_is_named(write, name):
    """A misspelt report, a forgotten input: one line that says which."""
    if definitions()[name].covers == "moment" and name != "low_stock":
        with pytest.raises(WorkloadError, match="--input"):
            write(name, "2026-11-20T0700Z")
    with pytest.raises(ConfigurationError, match="there is no report"):
        definition(f"{name}s")


def test_the_command_of_the_documentation_works(shop_dsn, tmp_path):
    """docs/reports.md shows it: a report without Airflow, into a folder."""
    uri = f"file://{tmp_path}"
    words = ["reports", "render", "daily_sales", "--run-key", DAY, "--zone", ZONE]
    environment = {"BATON_WAREHOUSE_DSN": shop_dsn, "BATON_REPORTS_URI": uri, "PYTHONPATH": str(INCLUDE)}
    command = [sys.executable, "-m", "baton_workloads", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {
        "report_id": "daily_sales/2026-10-31",
        "manifest": f"{uri}/daily_sales/2026-10-31/manifest.json",
        "is_empty": False,
        "facts": {"orders": 157},
    }
    assert (tmp_path / "daily_sales/2026-10-31/daily_sales-2026-10-31.pdf").read_bytes().startswith(b"%PDF")
