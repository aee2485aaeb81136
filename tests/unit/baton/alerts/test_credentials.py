"""The file of senders, and the files that are watched."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from baton.alerts.credentials import CredentialsError, by_token, digest, read_credentials
from baton.alerts.reloaded_files import watch_routes

TOKEN = "t" * 40
KEY = {"id": "1", "sha256": digest(TOKEN)}
ENTRY = {"name": "alertmanager", "type": "bearer", "keys": [KEY]}


def write(folder: Path, *entries: Any) -> Path:
    path = folder / "credentials.yaml"
    path.write_text(yaml.safe_dump({"credentials": list(entries)}))
    return path


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([7], "must hold a list"),
        ([{**ENTRY, "name": ""}], "name must be"),
        ([{**ENTRY, "type": "digest"}], "type must be one of bearer, basic"),
        ([{**ENTRY, "type": "basic", "user": "a:b"}], "without a colon"),
        ([{**ENTRY, "header": "X Token"}], "header must be the name"),
        ([{**ENTRY, "type": "hmac", "header": "X-Token", "keys": []}], "unknown: header"),
        ([{**ENTRY, "type": "signed", "keys": [{"id": "1", "secret": TOKEN}]}], "signature must say"),
        (
            [{**ENTRY, "type": "signed", "keys": [{"id": "1", "secret": TOKEN}], "signature": {"header": "X", "x": 1}}],
            "signature must say",
        ),
        ([{"name": "a", "type": "sns", "topics": ["shop"]}], "topics must be a list of ARNs"),
        ([{"name": "a", "type": "sns"}], "topics must be a list of ARNs"),
        ([{**ENTRY, "keys": []}], "keys must be one, or two"),
        ([{**ENTRY, "keys": [KEY, {**KEY, "id": "2"}, {**KEY, "id": "3"}]}], "keys must be one, or two"),
        ([{**ENTRY, "keys": [KEY, KEY]}], "different ids"),
        ([{**ENTRY, "keys": [{"id": "1", "sha256": TOKEN}]}], "64 hexadecimal digits"),
        ([{**ENTRY, "keys": [{"id": "1", "token": TOKEN}]}], "64 hexadecimal digits"),
        ([{**ENTRY, "type": "hmac", "keys": [{"id": "1", "secret": "hunter2"}]}], "at least 32 characters"),
        ([{**ENTRY, "routes": "all"}], "routes must be a list"),
        ([{**ENTRY, "route": ["all"]}], "unknown: route"),
        ([ENTRY, ENTRY], "same name"),
    ],
)
def test_file_that_is_wrong_is_refused_without_its_secrets(tmp_path: Path, entries: list[Any], message: str) -> None:
    """A mistake in it must not let anybody in, and its text must not reach a log."""
    with pytest.raises(CredentialsError, match=message) as caught:
        read_credentials(write(tmp_path, *entries))
    assert TOKEN not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_is_no_yaml_is_not_quoted(tmp_path: Path) -> None:
    """The parser's own message would."""
    path = tmp_path / "credentials.yaml"
    path.write_text("credentials: [{secret: hunter2")
    with pytest.raises(CredentialsError) as caught:
        read_credentials(path)
    assert "hunter2" not in str(caught.value)


def test_token_names_its_sender(tmp_path: Path) -> None:
    """A digest is no token."""
    senders = read_credentials(write(tmp_path, ENTRY))
    found = by_token(senders, {"authorization": f"Bearer {TOKEN}"})
    assert found is not None
    assert found.name == "alertmanager"
    assert by_token(senders, {"authorization": f"Bearer {digest(TOKEN)}"}) is None


def test_file_that_is_replaced_by_a_link_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how a mounted Secret or ConfigMap changes; a broken one leaves the last good one."""
    monkeypatch.setattr("baton.alerts.reloaded_files._LOOK_SECONDS", 0)
    link = tmp_path / "routes.yaml"
    watched = watch_routes(link)
    assert watched.current() is None
    assert "cannot be read" in watched.problem
    seen = []
    for number, text in enumerate(("version: 1\nroutes: []", "broken", "version: 1\nroutes: [] # new")):
        version = tmp_path / f"version-{number}"
        version.write_text(text)
        link.unlink(missing_ok=True)
        link.symlink_to(version)
        found = watched.current()
        seen.append((found.text if found else "", bool(watched.problem)))
    assert seen == [
        ("version: 1\nroutes: []", False),
        ("version: 1\nroutes: []", True),
        ("version: 1\nroutes: [] # new", False),
    ]
