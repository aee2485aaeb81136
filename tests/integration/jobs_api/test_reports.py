"""Reports of the ledger, and links to their files that expire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from unittest import mock

import psycopg
import pytest
from tests.integration.airflow_parts import environment
from tests.integration.conftest import new_database
from tests.integration.jobs_api.conftest import Api

from baton.reports.delivery_ledger import DeliveryLedger
from baton_local.postgres import Postgres

PDF = b"%PDF-1.7 sales"


def test_without_a_warehouse_the_caller_is_told_what_is_missing(api: Api) -> None:
    """And nothing breaks."""
    assert "warehouse_default" in api.call("GET", "/reports", 503)["detail"]


@pytest.fixture(scope="module")
def warehouse(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A warehouse with two reports, one of them of a job that is there."""
    file = tmp_path_factory.mktemp("reports") / "sales.pdf"
    file.write_bytes(PDF)
    made = {"kind": "pdf", "uri": file.as_uri(), "size_bytes": len(PDF), "sha256": sha256(PDF).hexdigest()}
    with new_database(postgres) as dsn, environment({"AIRFLOW_CONN_WAREHOUSE_DEFAULT": dsn}):
        with psycopg.connect(dsn, autocommit=True) as connection:
            ledger = DeliveryLedger(connection)
            ledger.prepare()
            for name, job in (("daily_sales", "DailySalesReport"), ("gone", "removed_job")):
                about = {"report_id": f"{name}/2026-01-12", "name": name, "period": "2026-01-12",
                         "period_label": "12 January 2026", "title": "Sales", "files": [made]}  # fmt: skip
                ledger.register(about, {"mail": ["boss@shop.example"]}, f"{job}/run")
        yield


@pytest.mark.usefixtures("warehouse")
def test_a_report_is_found_and_its_link_opens_the_file(api: Api) -> None:
    """The link is a credential of an hour; it names neither bucket nor key."""
    assert [report["id"] for report in api.call("GET", "/reports")["data"]] == [
        "gone~2026-01-12",
        "daily_sales~2026-01-12",
    ]
    assert [report["name"] for report in api.call("GET", "/reports", params={"name": "gone"})["data"]] == ["gone"]
    page = api.call("GET", "/reports", params={"limit": 1})
    assert len(api.call("GET", "/reports", params={"limit": 1, "cursor": page["next_cursor"]})["data"]) == 1
    report = api.call("GET", "/reports/daily_sales~2026-01-12")
    assert (report["job_id"], report["recipients"]) == ("DailySalesReport", {"mail": ["boss@shop.example"]})
    link = api.call("GET", "/reports/daily_sales~2026-01-12/download")
    assert set(link) == {"download_url", "expires_at"}
    assert "?token=" in link["download_url"]
    path = link["download_url"].removeprefix("http://airflow")
    opened = api.server.get(path)
    assert opened.headers["content-security-policy"].startswith("sandbox")
    assert (opened.status_code, opened.content, opened.headers["content-type"]) == (200, PDF, "application/pdf")
    assert api.server.get(path.replace("daily_sales", "gone")).status_code == 403
    assert api.server.get(path[:-2]).status_code == 403
    with mock.patch("itsdangerous.timed.time.time", return_value=time.time() + 3700):
        assert "expired" in api.server.get(path).json()["detail"]
    api.call("GET", "/reports/daily_sales~2026-01-12/download", 404, params={"kind": "xlsx"})
    api.call("GET", "/reports/none~2026", 404)


@pytest.mark.usefixtures("warehouse")
def test_a_report_is_seen_by_who_sees_its_job(api: Api) -> None:
    """One whose job is gone by those without limits."""
    limited = api.as_token("limited", "read", jobs=["DailySalesReport"])
    assert [report["name"] for report in limited.call("GET", "/reports")["data"]] == ["daily_sales"]
    limited.call("GET", "/reports/gone~2026-01-12/download", 404)
