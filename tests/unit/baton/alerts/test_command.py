"""`./baton alerts`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from baton.alerts.command import main
from baton.alerts.credentials import read_credentials

PROJECT = Path(__file__).parents[4]
GROUP = Path(__file__).parent / "group.json"
ROUTES = PROJECT / "include" / "alerts" / "routes.yaml"


def test_payload_is_tried_on_the_routes(capsys: pytest.CaptureFixture[str]) -> None:
    """Route, DAG, run id and target of each alert."""
    assert main(["test", str(GROUP), "--routes", str(ROUTES)]) == 0
    printed = capsys.readouterr().out
    assert "route pods: a run of collect_diagnostics" in printed
    assert "run id    alert__pods__d1f0a5b2c3d4e5f6__20261122T080000.123456Z" in printed
    assert "target    namespace: shop" in printed


@pytest.mark.parametrize(
    ("body", "routes", "message"),
    [
        ("{", "version: 1\nroutes: []", "the body is no JSON"),
        ("[]", "version: 1", "'routes' is a required property"),
        ("[]", "\udcff", "is not UTF-8"),
    ],
)
def test_what_has_to_be_mended_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, routes: str, message: str
) -> None:
    """Exit code 1."""
    (tmp_path / "routes.yaml").write_text(routes, errors="surrogateescape")
    (tmp_path / "body.json").write_text(body)
    assert main(["test", str(tmp_path / "body.json"), "--routes", str(tmp_path / "routes.yaml")]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [["test", "nowhere.json"], ["test", str(GROUP), "--routes", "nowhere.yaml"]])
def test_a_file_that_is_not_there_is_a_wrong_word(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Exit code 2, as for any other word that means nothing."""
    assert main(words) == 2
    assert "does not exist" in capsys.readouterr().err


def test_unreadable_and_unmatched_alerts_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first is the sender's fault, the second a question of routes."""
    body = tmp_path / "body.json"
    body.write_text('[{"labels": {"a": "b"}}, {"labels": {}}]')
    assert main(["test", str(body), "--routes", str(ROUTES)]) == 1
    printed = capsys.readouterr().out
    assert "unmatched: no route" in printed
    assert "unreadable: the alert has no labels" in printed


@pytest.fixture
def answers() -> Iterator[dict[str, str]]:
    """What an Airflow answers; its address is in `url`."""
    printed: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(printed["body"].encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        printed["url"] = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever).start()
        yield printed
        server.shutdown()


STATE = {"off": [], "routes": [], "has_routes": True, "problem": "", "senders_problem": ""}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"problem": "", "senders_problem": ""}, 0, "on   all routes"),
        ({"problem": "line 3", "senders_problem": ""}, 1, "The last good routes are in use. line 3"),
        ({"problem": "line 3", "has_routes": False}, 1, "There are no routes: senders get 503. line 3"),
        ({"problem": "", "senders_problem": "the file of credentials names no sender"}, 1, "names no sender"),
        (None, 2, "is no Airflow with Baton in it"),
    ],
)
def test_status_says_what_is_wrong(
    answers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    body: dict[str, Any] | None,
    code: int,
    message: str,
) -> None:
    """With routes, with senders, or with the address."""
    monkeypatch.setenv("AIRFLOW_API_TOKEN", "t")
    answers["body"] = "<html>" if body is None else json.dumps({**STATE, **body})
    assert main(["status", "--airflow", answers["url"]]) == code
    printed = capsys.readouterr()
    assert message in printed.out + printed.err


@pytest.mark.parametrize(
    ("name", "words"),
    [("ci", []), ("a: b", []), ("17", []), ("gcp", ["--basic"])],
    ids=["ci", "odd", "number", "basic"],
)
def test_new_token_fits_into_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: list[str]
) -> None:
    """What is printed can be pasted."""
    assert main(["new-token", name, *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    path = tmp_path / "credentials.yaml"
    path.write_text("\n".join(["credentials:", *lines[2:]]))
    [sender] = read_credentials(path)
    assert sender.name == name


def test_trying_routes_does_not_import_airflow() -> None:
    """It takes a blink, and works where there is none."""
    code = "import sys; from baton.alerts.command import main; main(sys.argv[1:]); sys.exit('airflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "test", str(GROUP), "--routes", str(ROUTES)],
        env={"PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT / 'include'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
