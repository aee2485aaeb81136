"""Warming caches of a real HTTP server."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.workloads.chain import INCLUDE
from tests.workloads.maintenance.shops import Shop

SHIPPED = Path(INCLUDE) / "maintenance" / "warm_caches.yaml"


@dataclass
class Site:
    """A server that notes when which address was asked for, and how many at once."""

    url: str = ""
    asked: list[tuple[float, str, str | None]] = field(default_factory=list)
    running: int = 0
    max_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handler(site) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with site.lock:
                    site.running += 1
                    site.max_running = max(site.max_running, site.running)
                    site.asked.append((time.monotonic(), self.path, self.headers.get("Authorization")))
                time.sleep(0.1)
                with site.lock:
                    site.running -= 1
                body = b"x" * 100_000
                self.send_response(int(self.path.removeprefix("/")) if self.path[1:].isdigit() else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), site.handler())
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def shop(site: Site, **plan: Any) -> Shop:
    """What runs the command; it needs no database."""
    more = {
        "BATON_WARM_BASE_URL": site.url,
        "BATON_WARM_AUTHORIZATION": "Bearer t",
        "BATON_WARM_PLAN": json.dumps(plan),
    }
    return Shop("postgresql://nobody@127.0.0.1:1/none", more)


def test_each_address_is_asked_for_once_within_the_limits(site: Site) -> None:
    """No more at once than told, no faster than told; a status and a time for each."""
    addresses = [f"/p?n={number}" for number in range(8)]
    given = {"addresses": [*addresses, addresses[0]], "concurrency": 2, "per_second": 40}
    result = shop(site, **given).run("warm").result
    assert [item["address"] for item in result["addresses"]] == addresses
    assert {item["status"] for item in result["addresses"]} == {"200"}
    assert sorted(path for _, path, _ in site.asked) == addresses
    assert {token for _, _, token in site.asked} == {"Bearer t"}
    assert site.max_running <= 2
    assert site.asked[-1][0] - site.asked[0][0] >= 7 / 40
    assert result["median_ms"] >= 100


@pytest.mark.parametrize(("percent", "code"), [(25, 0), (24, 75)])
def test_more_failures_than_the_plan_bears_fail_the_run(site: Site, percent: int, code: int) -> None:
    """The message names them; a redirect is an answer."""
    given = {"addresses": ["/a", "/b", "/302", "/503"], "failed_percent": percent, "per_second": 1000}
    outcome = shop(site, **given).run("warm")
    assert outcome.code == code
    assert code == 0 or "1 of 4 addresses failed: /503 (503)" in outcome.error


def test_nobody_answers(site: Site) -> None:
    """The application is down: worth another try."""
    down = shop(site, addresses=["/a"])
    down.more["BATON_WARM_BASE_URL"] = "http://127.0.0.1:1"
    outcome = down.run("warm")
    assert (outcome.code, "/a (ConnectError)" in outcome.error) == (75, True)


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"addresses": []},
        {"addresses": ["https://elsewhere.example.org/"]},
        {"addresses": ["//elsewhere.example.org/"]},
        {"addresses": ["/a"], "speed": 3},
        {"addresses": ["/a"], "concurrency": 0},
        {"addresses": ["/a"], "concurrency": 1.5},
        {"addresses": ["/a"], "per_second": "fast"},
    ],
)
def test_what_is_no_plan_is_refused(site: Site, plan: dict[str, Any]) -> None:
    """Before anything is asked for; above all an address on another server."""
    assert (shop(site, **plan).run("warm").code, site.asked) == (78, [])


def test_the_plan_that_comes_with_the_project_is_one(site: Site) -> None:
    """A dry run names its addresses."""
    plan = yaml.safe_load(SHIPPED.read_text())
    assert shop(site, **plan).run("warm", "--dry-run").result["addresses"] == plan["addresses"]
    assert site.asked == []
