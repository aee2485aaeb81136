"""The client of Airflow's API while Airflow is busy, on its way up, or dead."""

import http.server
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from baton_local import airflow_api
from baton_local.airflow_api import AirflowApi
from baton_local.errors import StackError


class Busy(http.server.ThreadingHTTPServer):
    """Answers nothing until a moment, then everything; notes what was asked."""

    daemon_threads = True
    ready_at = 0.0

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self) -> None:
        server = self.server
        assert isinstance(server, Busy)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.heard.append(f"{self.command} {self.path}")
        time.sleep(max(0.0, server.ready_at - time.monotonic()))
        body = b'{"access_token": "t", "dag_run_id": "r"}'
        try:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # who asked has hung up

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    """A server that answers after two seconds to a client that waits half a second for each answer."""
    monkeypatch.setattr(airflow_api, "TIMEOUT", 0.5)
    monkeypatch.setattr(airflow_api, "SAY_EVERY_SECONDS", 0.8)
    with Busy() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        server.ready_at = time.monotonic() + 2
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def api(busy: Busy, said: list[str]) -> Iterator[AirflowApi]:
    made = AirflowApi(f"http://127.0.0.1:{busy.server_address[1]}", "u", "p", report=said.append)
    yield made
    made.close()


def test_a_busy_airflow_is_waited_for_and_that_is_said(api: AirflowApi, said: list[str]) -> None:
    """Longer than any single answer may take."""
    assert api.call("GET", "/dags")["dag_run_id"] == "r"
    assert said
    assert all("Waiting for Airflow's api-server" in text for text in said)


def test_what_makes_something_is_asked_once(busy: Busy, api: AirflowApi) -> None:
    """A run that is asked for twice may be made twice."""
    assert api.token() == "t"
    busy.ready_at = time.monotonic() + 2
    assert api.trigger("d")["dag_run_id"] == "r"
    assert [text for text in busy.heard if text.endswith("/dagRuns")] == ["POST /api/v2/dags/d/dagRuns"]


def test_a_dead_component_ends_the_wait_by_name(api: AirflowApi, busy: Busy) -> None:
    """What will never answer is not waited for."""
    busy.ready_at = time.monotonic() + 5
    api.dead_components = lambda: ["api-server"]
    with pytest.raises(StackError, match=r"api-server does not run.*See \./baton status"):
        api.call("GET", "/dags")


def test_a_long_silence_ends_it_as_well(api: AirflowApi, busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a component that hangs."""
    busy.ready_at = time.monotonic() + 5
    monkeypatch.setattr(airflow_api, "SILENCE_SECONDS", 1.0)
    with pytest.raises(StackError, match="no answer for"):
        api.call("GET", "/dags")


def test_an_airflow_on_its_way_up_is_waited_for(api: AirflowApi, busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by what makes something: a refused connection was heard by nobody."""
    assert api.token() == "t"
    asked = api._client
    refusals = iter([True, True, False])
    real = asked.request

    def request(*words, **options):
        if next(refusals):
            raise httpx.ConnectError("refused")
        return real(*words, **options)

    monkeypatch.setattr(asked, "request", request)
    assert api.trigger("d")["dag_run_id"] == "r"
