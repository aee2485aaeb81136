"""The plugin's client of Airflow's REST API, against a server that answers as Airflow, as a proxy, or not at all."""

import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from baton.airflow_rest import AirflowError, AirflowRest


@pytest.fixture
def server():
    """A server that gives each path's answer, and keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.server.asked.append((self.path, self.headers.get("Authorization"), body))
            status, content = self.server.answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked, running.answers = [], {}
        running.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_token_is_asked_for_once_and_used(server):
    """A task has a user and a password, a person a token."""
    server.answers = {"/auth/token": (201, b'{"access_token": "t"}'), "/api/v2/dags": (200, b'{"dags": []}')}
    with closing(AirflowRest.signed_in(server.url, "ann", "secret")) as airflow:
        assert airflow.call("GET", "/api/v2/dags") == {"dags": []}
    (_, before, body), (_, after, _) = server.asked
    assert (before, json.loads(body), after) == (None, {"username": "ann", "password": "secret"}, "Bearer t")


@pytest.mark.parametrize(
    ("answer", "message", "status"),
    [
        ((404, b'{"detail": "no"}'), r"refused GET /x \(404\)", 404),
        ((302, b""), r"refused GET /x \(302\)", 302),
        ((500, b"x" * 5000), r"^.{1,400}$", 500),
        ((200, b"<html>log in</html>"), "is no Airflow", 0),
    ],
)
def test_other_answers_are_named(server, answer, message, status):
    """A login page in front of Airflow says 200 as well."""
    server.answers = {"/x": answer}
    with closing(AirflowRest(server.url, "t")) as airflow, pytest.raises(AirflowError, match=message) as refused:
        airflow.call("GET", "/x")
    assert refused.value.status == status


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"text"', b"<html>"])
def test_a_login_that_gives_no_token_is_named(server, body):
    """Whatever stands in its place."""
    server.answers = {"/auth/token": (200, body)}
    with pytest.raises(AirflowError, match="is no Airflow"):
        AirflowRest.signed_in(server.url, "ann", "secret")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "airflow:8080", "http://a b", "http://[::1", "http://x:99999"])
def test_an_address_that_nobody_answers_is_named(url):
    """Also what is no address at all."""
    with closing(AirflowRest(url, "t")) as airflow, pytest.raises(AirflowError, match="Airflow"):
        airflow.call("GET", "/x")
