"""What a digest is told, by a real Alertmanager."""

import json
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tenacity import retry, stop_after_delay, wait_fixed
from tests.integration.reports.conftest import free_port

from baton.reports import collect_alerts

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIGURATION = "route: {receiver: none}\nreceivers: [{name: none}]\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """An Alertmanager with two alerts, one of them over."""
    if PROGRAM is None:
        pytest.skip("Alertmanager is not installed")
    folder, port = tmp_path_factory.mktemp("alertmanager"), free_port()
    (folder / "configuration.yml").write_text(CONFIGURATION)
    command = [PROGRAM, f"--config.file={folder}/configuration.yml", f"--storage.path={folder}",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url, now = f"http://127.0.0.1:{port}", datetime.now(UTC)
    alerts = [
        {"labels": {"alertname": "Down", "severity": "critical"}, "startsAt": now.isoformat()},
        {"labels": {"alertname": "Over"}, "endsAt": (now - timedelta(minutes=1)).isoformat()},
    ]

    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.1), reraise=True)
    def post():
        httpx.post(f"{url}/api/v2/alerts", json=alerts).raise_for_status()

    try:
        post()
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def ask(monkeypatch):
    """Asks the Alertmanager of a connection."""

    def run(host, port):
        connection = {"conn_type": "http", "host": host, "port": port}
        monkeypatch.setenv("AIRFLOW_CONN_ALERTMANAGER_DEFAULT", json.dumps(connection))
        return collect_alerts._alertmanager()

    return run


def test_what_fires_is_told_and_what_is_over_is_not(ask, address):
    """With its labels and since when."""
    answer = ask("127.0.0.1", int(address.rpartition(":")[2]))
    assert answer["state"] == "ok"
    assert [alert["labels"]["alertname"] for alert in answer["alerts"]] == ["Down"]
    assert answer["alerts"][0]["startsAt"]


def test_an_alertmanager_that_is_away_is_named(ask):
    """The digest says so instead of "all is well"."""
    assert ask("http://127.0.0.1", free_port()) == {"state": "unreachable"}


def test_a_missing_connection_is_named(monkeypatch):
    """Also where there never was an Alertmanager."""
    monkeypatch.delenv("AIRFLOW_CONN_ALERTMANAGER_DEFAULT", raising=False)
    assert collect_alerts._alertmanager() == {"state": "absent"}


COUNTED = {"decisions": [{"alert": "Down", "decision": "made a run", "count": 15_000}], "left_out": 3}


class Receiver(BaseHTTPRequestHandler):
    """Airflow's sign-in and what the receiver counts."""

    def do_POST(self):
        login = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer({"access_token": "t"} if login == {"username": "u", "password": "p"} else None)

    def do_GET(self):
        since = parse_qs(urlsplit(self.path).query).get("since")
        known = self.headers["Authorization"] == "Bearer t" and self.path.startswith("/baton/alerts/counted")
        self.answer(COUNTED if known and since == ["2026-11-19T00:00:00+00:00"] else None)

    def answer(self, body):
        self.send_response(200 if body else 401)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def receiver(monkeypatch):
    """Asks the receiver of a connection."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def run(password):
            connection = {"conn_type": "http", "host": "127.0.0.1", "port": server.server_port, "login": "u"}
            monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API_DEFAULT", json.dumps({**connection, "password": password}))
            return collect_alerts._receiver(datetime(2026, 11, 19, tzinfo=UTC))

        yield run
        server.shutdown()


def test_decisions_are_counted_where_they_are(receiver):
    """However many there are: nothing is left out without a word."""
    assert receiver("p") == {"state": "ok", **COUNTED}


def test_a_receiver_that_refuses_is_named(receiver, monkeypatch):
    """As one that was never connected is."""
    assert receiver("wrong") == {"state": "unreachable"}
    monkeypatch.delenv("AIRFLOW_CONN_AIRFLOW_API_DEFAULT")
    assert collect_alerts._receiver(datetime(2026, 11, 19, tzinfo=UTC)) == {"state": "absent"}
