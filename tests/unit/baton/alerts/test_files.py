"""Whatever stands in a file of routes or credentials: it is read, or one error with its name says why not."""

import copy
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.alerts.credentials import CredentialsError, digest, read_credentials
from baton.alerts.mapping import MappingError
from baton.alerts.payloads import BodyError
from baton.alerts.reloaded_files import ReloadedFile, routes_of, sender_of, watch_credentials, watch_routes
from baton.alerts.routes import RoutesError
from baton.data_file import MAX_BYTES
from baton.exceptions import PermanentError

ROUTES: dict[str, Any] = {
    "version": 1,
    "defaults": {"cooldown": "10m", "storm": {"runs": 20, "per": "10m", "gather": "30s"}, "on_resolved": "note"},
    "routes": [
        {
            "name": "pods",
            "matchers": ['alertname=~"A|B"', 'namespace!=""'],
            "dag": "collect_diagnostics",
            "sources": ["grafana"],
            "conf": {"namespace": "{{ labels.namespace | 'x' }}"},
            "deduplicate_by": ["namespace"],
            "cooldown": "1h",
            "storm": {"runs": 1, "per": "1d"},
            "on_resolved": "cancel",
            "continue": True,
        },
        {"name": "jobs", "matchers": [], "job_template": "a-job"},
    ],
}
CREDENTIALS: dict[str, Any] = {
    "credentials": [
        {
            "name": "alertmanager",
            "type": "bearer",
            "keys": [{"id": "1", "sha256": digest("t" * 40)}],
            "endpoints": ["grafana"],
            "routes": ["pods"],
        },
        {"name": "grafana", "type": "hmac", "keys": [{"id": "1", "secret": "s" * 40}]},
        {"name": "gcp", "type": "basic", "user": "gcp", "keys": [{"id": "1", "sha256": digest("t" * 40)}]},
        {"name": "aws", "type": "sns", "topics": ["arn:aws:sns:eu-central-1:123456789012:alerts"]},
        {
            "name": "shop",
            "type": "signed",
            "keys": [{"id": "1", "secret": "s" * 40}],
            "signature": {
                "header": "X-A",
                "prefix": "v1=",
                "encoding": "hex",
                "timestamp": "X-T",
                "signed": "{timestamp}",
            },
        },
    ]
}
MAPPING: dict[str, Any] = {
    "version": 1,
    "about": "ours",
    "fits": "check",
    "quiet": "body.test",
    "headers": ["x-event"],
    "alerts": "checks",
    "labels": {"alertname": "alert.check", "n": "join(' ', [alert.a, headers.\"x-event\"])"},
    "labels_from": ["tags(alert.tags)"],
    "annotations": {"summary": "alert.text"},
    "status": {"value": "alert.state", "resolved": ["ok", 0], "firing": ["bad"], "silenced": ["quiet"]},
    "starts_at": "alert.at",
    "fingerprint": "alert.id",
    "url": "alert.link",
}
BODY = {"check": "x", "checks": [{"check": "disk", "a": "b", "state": "bad", "tags": "a:b", "at": 1795334400}]}
NAMED = {
    "nothing": b"",
    "a word": b"word",
    "brackets": b"[" * 5_000,
    "many brackets": b"[" * 26_000,
    "dashes": b"- " * 26_000,
    "zero byte": b"credentials: [\0]",
    "no UTF-8": b"credentials: [\xff\xfe]",
    "UTF-16": "credentials: []".encode("utf-16"),
    "tag": b"credentials: !!python/object/apply:os.system [id]",
    "twice": b"credentials: []\nroutes: []\nversion: 1\nversion: 1\ncredentials: []",
    "own part": b"version: 1\nroutes: &a [*a]\ncredentials: *a",
    "bad number": b"version: !!int x",
    "long number": b"version: " + b"9" * 5_000,
    "long hexadecimal number": b"version: 0x" + b"f" * 5_000,
    "infinity": b"version: .inf\ncredentials: .nan",
    "set": b"!!set {a, b}",
    "two documents": b"--- 1\n--- 2",
    "numbers as keys": b"1: 2\ntrue: 3\nnull: 4",
    "large": b"#" * (MAX_BYTES + 1),
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.deepcopy(document)
    part = made
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return made


def refusal(read: Any, file: Path, named: type[PermanentError]) -> str:
    """The text of the named error; the file's name if it was read. Any other error fails the test."""
    try:
        read(file)
    except named as err:
        return str(err)
    return str(file)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=9)
    | st.sampled_from(
        ["9999999d" * 101, "0s", "9" * 5_000, "{{", "{{ labels. }}", 'a=~"("', "٣m", "", "\x7f", "bearer"]
    )
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8"), max_size=5) | st.integers() | st.booleans(), inner, max_size=3
        )
        | st.sets(st.integers() | st.text(st.characters(codec="utf-8"), max_size=3), max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(paths(ROUTES)), value=anything)
def test_any_value_at_any_place_of_the_routes_is_read_or_refused(
    tmp_path: Path, path: tuple[Any, ...], value: Any
) -> None:
    """Nothing but the named error, which names the file."""
    file = tmp_path / "routes.yaml"
    file.write_text(yaml.safe_dump(replaced(ROUTES, path, value)), encoding="utf-8")
    assert str(file) in refusal(routes_of, file, RoutesError)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(paths(CREDENTIALS)), value=anything)
def test_any_value_at_any_place_of_the_credentials_is_read_or_refused(
    tmp_path: Path, path: tuple[Any, ...], value: Any
) -> None:
    """Nothing but the named error, which names the file."""
    file = tmp_path / "credentials.yaml"
    file.write_text(yaml.safe_dump(replaced(CREDENTIALS, path, value)), encoding="utf-8")
    assert str(file) in refusal(read_credentials, file, CredentialsError)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(paths(MAPPING)), value=anything)
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
def test_any_value_at_any_place_of_a_mapping_is_read_or_refused(
    tmp_path: Path, path: tuple[Any, ...], value: Any
) -> None:
    """Nothing but the named error; what is read reads a body, or says of it what is wrong."""
    file = tmp_path / "ours.yaml"
    file.write_text(yaml.safe_dump(replaced(MAPPING, path, value)), encoding="utf-8")
    assert str(file) in refusal(sender_of, file, MappingError)
    with suppress(MappingError, BodyError):
        sender_of(file).read(BODY, {"x-event": "e"})


@pytest.mark.parametrize(
    "expression", ["[" * 5_000, "a." * 5_000, "!" * 1_900, "(" * 990, "`" * 9, "nope(@)", "length()"]
)
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
def test_expression_that_is_none_is_refused(tmp_path: Path, expression: str) -> None:
    """However deep it is, and although it is only called when an alert comes."""
    file = tmp_path / "ours.yaml"
    file.write_text(yaml.safe_dump({**MAPPING, "alerts": expression[:1999]}))
    try:
        sender = sender_of(file)
    except MappingError:
        return
    with pytest.raises(BodyError):
        sender.read(BODY, {})


def test_mapping_reads_as_it_says(tmp_path: Path) -> None:
    """Paths to labels, status, start, fingerprint."""
    file = tmp_path / "ours.yaml"
    file.write_text(yaml.safe_dump(MAPPING))
    [received] = sender_of(file).read(BODY, {"x-event": "e"}).received
    assert received.alert.labels == {"alertname": "disk", "n": "b e", "a": "b"}
    assert (received.alert.status, received.alert.starts_at) == ("firing", "2026-11-22T08:00:00+00:00")
    assert sender_of(file).read({**BODY, "test": True}, {}).received == []


def watch_mapping(path: Path) -> ReloadedFile[Any]:
    return ReloadedFile(path, sender_of)


@pytest.mark.parametrize("content", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize(
    ("watch", "good"),
    [(watch_routes, ROUTES), (watch_credentials, CREDENTIALS), (watch_mapping, MAPPING)],
    ids=["routes", "credentials", "mapping"],
)
def test_no_text_takes_the_last_good_file_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Any, good: Any, content: bytes
) -> None:
    """What is wrong is said with the file's name, and ends with the next good one."""
    monkeypatch.setattr("baton.alerts.reloaded_files._LOOK_SECONDS", 0)
    file = tmp_path / "file.yaml"
    file.write_text(yaml.safe_dump(good))
    watched: ReloadedFile[Any] = watch(file)
    first = watched.current()
    assert first
    file.write_bytes(content)
    assert watched.current() is first
    assert str(file) in watched.problem
    assert "please report" not in watched.problem
    file.write_text(yaml.safe_dump(good) + "# again")
    assert watched.current()
    assert watched.problem == ""


@pytest.mark.parametrize("watch", [watch_routes, watch_credentials], ids=["routes", "credentials"])
def test_what_is_no_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Any) -> None:
    """Reading a pipe would wait for ever."""
    monkeypatch.setattr("baton.alerts.reloaded_files._LOOK_SECONDS", 0)
    file = tmp_path / "file.yaml"
    watched = watch(file)
    for make, problem in (
        (lambda: None, "No such file"),
        (file.mkdir, "is no file"),
        (lambda: os.mkfifo(file), "is no file"),
        (lambda: file.symlink_to("/dev/zero"), "is no file"),
        (lambda: file.symlink_to(file), "cannot be read"),
    ):
        if file.is_symlink() or file.exists():
            file.rmdir() if stat.S_ISDIR(file.lstat().st_mode) else file.unlink()
        make()
        assert watched.current() is None
        assert problem in watched.problem


def test_a_defect_of_the_reader_keeps_the_last_good_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said by its kind and place; its text might be a secret of the file."""
    monkeypatch.setattr("baton.alerts.reloaded_files._LOOK_SECONDS", 0)
    file = tmp_path / "file.yaml"
    file.write_text("first")

    def read(path: Path) -> str:
        if path.read_text() != "first":
            raise KeyError("hunter2")
        return "good"

    watched = ReloadedFile(file, read)
    assert watched.current() == "good"
    file.write_text("other")
    assert watched.current() == "good"
    assert "KeyError in test_files.py, line" in watched.problem
    assert "hunter2" not in watched.problem


@pytest.mark.parametrize("text", ["9999999d" * 101, "367d", "9000h"])
def test_a_duration_beyond_a_year_is_refused(tmp_path: Path, text: str) -> None:
    """It would not fit a date, and nobody means it."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        yaml.safe_dump(
            replaced(ROUTES, ("defaults", "cooldown"), text) | {"routes": [{"name": "a", "matchers": [], "dag": "b"}]}
        )
    )
    with pytest.raises(PermanentError, match="is longer than 366 days"):
        routes_of(file)
