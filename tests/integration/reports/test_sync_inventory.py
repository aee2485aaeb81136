"""Stock from a warehouse system's API: a real server, a real database, and everything that goes wrong between them."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from tests.integration.reports.conftest import INCLUDE, free_port, server

from baton_local import warehouse_api
from baton_local.component import is_healthy
from baton_workloads.errors import ConfigurationError, DataError, TransientError
from baton_workloads.inventory import api as stock
from baton_workloads.inventory.api import stock_api
from baton_workloads.inventory.sync import SOURCE, sync

MASTER_KEY = "0" * 64
TOKEN = warehouse_api.token(MASTER_KEY)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A warehouse system."""
    credentials = tmp_path_factory.mktemp("warehouse") / "credentials.json"
    credentials.write_text(json.dumps({"master_key": MASTER_KEY}))
    port = free_port()
    with server("warehouse_api", port, str(credentials), is_ready=is_healthy):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def change(address):
    """Changes stock in the warehouse system."""

    def post(*items):
        httpx.post(
            f"{address}/v1/stock-changes", json=items, headers={"Authorization": f"Bearer {TOKEN}"}
        ).raise_for_status()

    return post


@pytest.fixture
def run(shop_dsn, address, monkeypatch):
    """Synchronises, in pages of 50."""
    monkeypatch.setattr(stock, "PAGE", 50)

    def once(token=TOKEN, url=address):
        with stock_api(url, token) as api:
            return sync(shop_dsn, api)

    return once


STATE = "SELECT product_id, warehouse, on_hand, reserved, source_version FROM inventory ORDER BY 1, 2"


def test_what_changed_arrives_once(run, rows, change):
    """The seed's cursor is of no server that runs: it is given up. The same again changes nothing."""
    first = run()
    assert (first["outcome"], first["items"], first["pages"]) == ("synchronised", 180, 4)
    assert first["changed"] == 180
    before = rows(STATE)
    [(watermark, cursor)] = rows("SELECT watermark, cursor_token FROM sync_watermarks WHERE source = %s", SOURCE)
    assert cursor is None
    assert datetime.now(UTC) - watermark < timedelta(minutes=12)
    assert run()["changed"] == 0
    assert rows(STATE) == before

    change({"product_id": 3, "warehouse": "berlin", "on_hand": 7})
    assert run()["changed"] == 1
    assert rows("SELECT on_hand FROM inventory WHERE product_id = 3 AND warehouse = 'berlin'") == [(7,)]


def test_an_older_version_never_replaces_a_newer_one(run, rows, change):
    """Whatever order things arrive in."""
    change({"product_id": 4, "warehouse": "berlin", "on_hand": 11})
    run()
    change({"product_id": 4, "warehouse": "berlin", "on_hand": 99, "version": 5})
    assert run()["changed"] == 0
    assert rows("SELECT on_hand FROM inventory WHERE product_id = 4 AND warehouse = 'berlin'") == [(11,)]


def test_an_unknown_product_is_asked_for_until_the_shop_knows_it(run, rows, change):
    """The others are stored; nothing is lost when the product comes later than its stock."""
    change(
        {"product_id": 77_777, "warehouse": "berlin", "on_hand": 1},
        {"product_id": 5, "warehouse": "berlin", "on_hand": 12},
    )
    assert run()["unknown_products"] == 1
    assert rows("SELECT on_hand FROM inventory WHERE product_id = 5 AND warehouse = 'berlin'") == [(12,)]
    rows("INSERT INTO products (id, sku, name, category, price, cost) VALUES (77777, 'SKU-X', 'New', 'bags', 1, 1)")
    assert run()["unknown_products"] == 0
    assert rows("SELECT on_hand FROM inventory WHERE product_id = 77777") == [(1,)]


@pytest.mark.parametrize("on_hand", [1, -1], ids=["unknown", "refused"])
def test_what_a_run_that_broke_off_could_not_store_is_asked_for_again(run, rows, change, monkeypatch, on_hand):
    """The next run goes on at its cursor only where nothing before it is missing."""
    monkeypatch.setattr("baton_workloads.inventory.sync.OVERLAP", timedelta(0))
    product, asked, pages = 88_000 + on_hand, stock.StockApi.changes, []
    run()
    change({"product_id": product, "warehouse": "berlin", "on_hand": on_hand})
    for number in range(60):
        change({"product_id": 1 + number, "warehouse": "berlin", "on_hand": 20 + number})

    def once(self, since, cursor):
        if pages:
            raise TransientError("the warehouse API answers 503; try again later")
        pages.append(asked(self, since, cursor))
        return pages[0]

    with monkeypatch.context() as patch:
        patch.setattr(stock.StockApi, "changes", once)
        with pytest.raises(TransientError):
            run()
    if on_hand < 0:
        with pytest.raises(DataError, match="not as agreed"):
            run()
        change({"product_id": product, "warehouse": "berlin", "on_hand": 1})
    assert run()["unknown_products"] == 1
    sku = f"SKU-{product}"
    rows(
        "INSERT INTO products (id, sku, name, category, price, cost) VALUES (%s, %s, 'New', 'bags', 1, 1)", product, sku
    )
    run()
    assert rows("SELECT on_hand FROM inventory WHERE product_id = %s", product) == [(1,)]


def test_an_item_that_cannot_be_is_named_and_holds_nothing_up(run, rows, change):
    """The run fails, the others are stored, and the next run asks again."""
    change(
        {"product_id": 6, "warehouse": "berlin", "on_hand": -5}, {"product_id": 7, "warehouse": "berlin", "on_hand": 13}
    )
    for _ in range(2):
        with pytest.raises(DataError, match=r"1 items that are not as agreed .*on_hand"):
            run()
    assert rows("SELECT on_hand FROM inventory WHERE product_id = 7 AND warehouse = 'berlin'") == [(13,)]
    change({"product_id": 6, "warehouse": "berlin", "on_hand": 5})
    assert run()["outcome"] == "synchronised"
    assert rows("SELECT on_hand FROM inventory WHERE product_id = 6 AND warehouse = 'berlin'") == [(5,)]


def test_two_at_once_do_not_work_on_the_same(run, shop_dsn):
    """The second leaves the first its work, which is no error."""
    with psycopg.connect(shop_dsn) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('baton sync_inventory', 0))")
        assert run() == {"outcome": "busy"}


def test_a_refused_token_and_a_silent_server_are_told_apart(run):
    """The one needs a person, the other a little time."""
    with pytest.raises(ConfigurationError, match="401"):
        run(token="wrong")
    with pytest.raises(TransientError, match="does not answer"):
        run(url=f"http://127.0.0.1:{free_port()}")


SLOWLY = """
import os, sys, time
from baton_workloads.inventory import api, sync
api.PAGE = 20
class Slow(api.StockApi):
    def changes(self, since, cursor):
        print("page", flush=True)
        time.sleep(0.2)
        return super().changes(since, cursor)
api.StockApi = Slow
with api.stock_api(os.environ["ADDRESS"], os.environ["TOKEN"]) as opened:
    print(sync.sync(os.environ["DSN"], opened))
"""


def test_a_killed_run_goes_on_where_it_was(run, rows, shop_dsn, address):
    """SIGKILL after some pages: the next run resumes at the stored cursor and the result is the same."""
    rows("UPDATE sync_watermarks SET watermark = '2026-01-01', cursor_token = NULL WHERE source = %s", SOURCE)
    rows("UPDATE inventory SET on_hand = 1, source_version = 0 WHERE product_id <= 60")
    environment = {**os.environ, "PYTHONPATH": str(INCLUDE), "ADDRESS": address, "TOKEN": TOKEN, "DSN": shop_dsn}
    process = subprocess.Popen([sys.executable, "-c", SLOWLY], env=environment, stdout=subprocess.PIPE, text=True)
    for _ in range(4):
        assert process.stdout.readline() == "page\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [(cursor,)] = rows("SELECT cursor_token FROM sync_watermarks WHERE source = %s", SOURCE)
    [(stored,)] = rows("SELECT count(*) FROM inventory WHERE source_version > 0 AND product_id <= 60")
    assert cursor
    assert 0 < stored < 180
    deadline = time.monotonic() + 10
    while (result := run())["outcome"] == "busy" and time.monotonic() < deadline:
        time.sleep(0.1)  # the server has yet to notice that the holder of the lock is gone
    assert result["items"] < 180
    assert rows("SELECT count(*) FROM inventory WHERE source_version = 0 AND product_id <= 60") == [(0,)]
