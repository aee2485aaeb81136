"""Whatever answers in Airflow's place counts as an Airflow that cannot be reached; each poll is a process's first."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.workloads.watch.servers import WebServer, web_server
from tests.workloads.watch.test_poll import Recipients

from baton_workloads.errors import ConfigurationError
from baton_workloads.watch import airflow
from baton_workloads.watch.airflow import AirflowApi, RefusedUserError
from baton_workloads.watch.poll import Thresholds, Watch

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Response = tuple[int, dict[str, str], bytes] | bytes

PAGE = b"<!DOCTYPE html><title>Log in</title>"
HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}


def as_json(value: Any, status: int = 200) -> Response:
    return status, JSON, json.dumps(value).encode()


class RealForm:
    """Answers in the form of Airflow 3.3, but for paths that a test replaces."""

    def __init__(self) -> None:
        self.replaced: dict[str, Response] = {}
        self.runs: list[dict[str, Any]] = []
        self.log = b'{"event": "no space left"}\n'

    def __call__(self, method: str, path: str) -> Response:
        path = path.partition("?")[0]
        for part, answer in self.replaced.items():
            if part in path:
                return answer
        return self._usual(path)

    def _usual(self, path: str) -> Response:
        if path == "/auth/token":
            return as_json({"access_token": "t"}, 201)
        if path == "/api/v2/monitor/health":
            return as_json({"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}})
        if "/logs/" in path:
            return 200, {"Content-Type": "application/x-ndjson"}, self.log
        if path.endswith("/details"):
            return as_json({"dag_id": "etl", "doc_md": None})
        tasks = [{"task_id": "load", "map_index": -1, "try_number": 2}] if path.endswith("/taskInstances") else []
        rows = {"dag_runs": self.runs, "task_instances": tasks, "dags": [], "import_errors": []}
        return as_json({**rows, "total_entries": 0})

    def end(self, dag_id: str, at: datetime) -> None:
        self.runs.append({"dag_id": dag_id, "dag_run_id": "r", "state": "failed", "end_date": at.isoformat()})


class Scene:
    """A web server in Airflow's place, and people; each look is made by a new client and a new watch."""

    def __init__(self, folder: Path, web: WebServer, form: RealForm) -> None:
        self.web, self.form, self.memory = web, form, (folder / "watch.json").as_uri()
        self.team, self.now = Recipients("team"), START

    def poll(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += MINUTE
            with AirflowApi(self.web.url, "viewer", "p", timeout_seconds=2) as api:
                Watch(api, self.memory, [self.team], [], Thresholds()).poll(self.now)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A watch that has not looked yet."""
    form = RealForm()
    with web_server(form) as web:
        yield Scene(tmp_path, web, form)


def raw(head: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode() + body


FOREIGN: dict[str, Response] = {
    "page": (200, HTML, PAGE),
    "page without a type": (200, {}, PAGE),
    "single sign-on": (302, {"Location": "https://sso.example.org/?state=secret"}, b""),
    "moved to https": (308, {"Location": "https://127.0.0.1/"}, b""),
    "another form": as_json({"hello": "world"}),
    "a list": as_json([1]),
    "a number": as_json(1),
    "nothing": as_json(None),
    "no UTF-8": (200, JSON, b'{"access_token": "\xff\xfe"}'),
    "very deep": (200, JSON, b"[" * 100_000),
    "half a sign": (200, JSON, b'{"\\ud800": "\\udfff"}'),
    "no content": (204, {}, b""),
    "empty": (200, JSON, b""),
    "cut": (200, {**JSON, "Content-Length": "500"}, b'{"access_token": "t'),
    "cut without a length": raw("Connection: close", b'{"dags": [{"dag'),
    "cut chunks": raw("Transfer-Encoding: chunked", b"20\r\n{"),
    "no gzip": (200, {**JSON, "Content-Encoding": "gzip"}, b"garbage"),
    "cut gzip": (200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(b'{"a": "' + b"x" * 999)[:40]),
    "no HTTP": b"SSH-2.0-x\r\n",
    "no words": b"",
    "firewall": (403, HTML, PAGE),
    "gateway's JSON": as_json({"message": "Forbidden"}, 403),
    "basic authentication": (401, {**HTML, "WWW-Authenticate": "Basic"}, PAGE),
    "wrong method": (405, HTML, PAGE),
    "too many": (429, HTML, PAGE),
    "down": (503, HTML, PAGE),
    "teapot": (418, {}, b""),
    "informal": b"HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n",
    "too large": raw("Connection: close", b'"' + b"x" * 3_000_000),
}


SOME = ("page", "another form", "a list", "firewall", "cut", "no content")
LATER = ("/dags/~/dagRuns", "/monitor/health", "/importErrors")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((path, name) for path in ("/", "/auth/token") for name in FOREIGN),
        *((p, name) for p in LATER for name in SOME),
    ],
)
def test_whatever_answers_in_airflows_place_is_reported_once_and_when_it_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, path: str
):
    """It never ends a look; nobody sees an address that a login was sent to."""
    monkeypatch.setattr("baton_workloads.watch.http.MAX_BYTES", 1_000_000)
    scene.form.replaced[path] = FOREIGN[name]
    scene.poll(4)
    (subject,) = scene.team.subjects
    assert subject.startswith("Airflow ")
    assert "secret" not in scene.team.heard[0].text + subject
    scene.form.replaced.clear()
    scene.poll()

    assert scene.team.subjects == [subject, f"Over: {subject}"]


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/auth/token", as_json({"detail": "Invalid credentials"}, 401), "refuses the user viewer"),
        ("/auth/token", as_json({"detail": "Forbidden"}, 403), "refuses the user viewer"),
        ("/dags/~/dagRuns", as_json({"detail": "Forbidden"}, 403), "give it the role Viewer"),
    ],
)
def test_a_user_whom_airflow_refuses_is_reported_and_ends_a_single_look_with_an_error(
    scene: Scene, path: str, answer: Response, words: str
):
    """A changed password is nobody's guess: people hear of it, and the supervisor sees it too."""
    scene.form.replaced[path] = answer
    for _ in range(6):
        with pytest.raises(RefusedUserError, match=words):
            scene.poll()
    scene.form.replaced.clear()
    scene.poll()

    first, second = scene.team.subjects
    assert words in first
    assert second == f"Over: {first}"


def test_one_run_of_which_airflow_cannot_tell_holds_up_no_other(scene: Scene):
    """The others are reported at once, that one with what is known when it lasts."""
    scene.poll()
    scene.form.end("poison", scene.now)
    scene.form.end("etl", scene.now)
    scene.form.replaced["/dags/poison/"] = (500, {}, b"")
    scene.poll()
    assert scene.team.subjects == ["etl failed"]
    scene.poll(12)

    assert scene.team.subjects.count("poison failed") == 1
    assert scene.team.subjects.count("etl failed") == 1
    assert scene.team.subjects[-1].startswith("Over: ")


def test_a_run_that_is_gone_is_reported_without_its_tasks(scene: Scene):
    """Its DAG was deleted after it had failed."""
    scene.poll()
    scene.form.end("etl", scene.now)
    scene.form.replaced["/dags/etl/"] = as_json({"detail": "not found"}, 404)
    scene.poll()

    assert scene.team.subjects == ["etl failed"]


def test_what_failed_before_the_first_look_is_not_reported_when_that_look_saw_nothing(scene: Scene):
    """Airflow was away when the watch began; what fails after that is reported."""
    scene.form.replaced["/"] = (503, {}, b"")
    scene.poll()
    scene.form.end("before", scene.now - MINUTE)
    scene.form.end("after", scene.now + MINUTE)
    scene.form.replaced.clear()
    scene.poll(2)

    assert scene.team.subjects == ["after failed"]


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        (b'{"event": "x"}\n' * 200_000 + b'{"event": "the reason"}\n', ["x"] * 19 + ["the reason"]),
        (b'{"event": "' + b"x" * 3_000_000 + b'"}\n{"event": "the reason"}\n', ["the reason"]),
        (b'{"event": "\\ud800 half"}\n\xff\xfe\n[1]\n"plain"\n', ["? half", "plain"]),
        (b'{"event": "e", "error_detail": [{"exc_type": "KeyError", "exc_value": "k"}, 1]}', ["e", "KeyError: k"]),
        (b'{"event": "' + b"a" * 400 + b' reason"}\n', ["…" + "a" * 292 + " reason"]),
        (PAGE, []),
        (b"", []),
    ],
)
def test_the_end_of_a_log_of_any_size_is_read(scene: Scene, log: bytes, lines: list[str]):
    """Only its end is held in memory, so no log is too large for the watch."""
    scene.poll()
    scene.form.log = log
    scene.form.end("etl", scene.now)
    scene.poll()

    assert list(scene.team.heard[0].log) == lines


def test_a_log_that_may_not_be_read_costs_no_notice(scene: Scene):
    """Neither a role without logs nor a broken log store."""
    scene.poll()
    for number, answer in enumerate([as_json({"detail": "Forbidden"}, 403), (500, {}, b""), (200, HTML, PAGE)]):
        scene.form.replaced["/logs/"] = answer
        scene.form.end(f"etl{number}", scene.now)
        scene.poll()

    assert scene.team.subjects == ["etl0 failed", "etl1 failed", "etl2 failed"]


def test_a_list_without_an_end_is_ended(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """A server that knows no offset gives the same page for ever."""
    monkeypatch.setattr(airflow, "MAX_PAGES", 3)
    rows = [{"filename": str(number), "stack_trace": "x"} for number in range(airflow.PAGE)]
    scene.form.replaced["/importErrors"] = as_json({"import_errors": rows})
    scene.poll(4)

    assert "gives no end of /importErrors" in scene.team.subjects[0]


@pytest.mark.parametrize("url", ["http://[", "http://a b/", "http://127.0.0.1:x/"])
def test_an_address_that_is_none_is_a_setting(url: str):
    """Said before anything is asked."""
    with pytest.raises(ConfigurationError, match="BATON_AIRFLOW_URL"):
        AirflowApi(url, "u", "p")


def test_a_damaged_memory_is_reported_once(scene: Scene):
    """Nothing is looked at until somebody moves it away; so somebody has to hear of it."""
    scene.poll()
    path = Path(scene.memory.removeprefix("file://"))
    path.write_text("{")
    for _ in range(6):
        with pytest.raises(ConfigurationError, match="no memory of a watch"):
            scene.poll()

    (subject,) = scene.team.subjects
    assert "watch.json is no memory of a watch: move it away" in subject
    assert path.read_text() == "{"
