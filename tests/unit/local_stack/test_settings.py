"""Ports and credentials of a stack."""

import json
import socket
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from baton_local import settings
from baton_local.errors import StackError


@pytest.fixture
def occupied_port():
    """A port of 127.0.0.1 on which something else listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_ports_stay_the_same_over_starts(tmp_path: Path):
    """A second start finds the web UI where the first one had it."""
    first = settings.choose_ports(tmp_path)

    assert settings.choose_ports(tmp_path) == first
    assert len(set(asdict(first).values())) == len(fields(first))


def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path, occupied_port: int):
    """A port that another program took since the last start is not insisted on."""
    settings.choose_ports(tmp_path)
    stored = json.loads((tmp_path / "ports.json").read_text())
    (tmp_path / "ports.json").write_text(json.dumps({**stored, "ui": occupied_port}))

    assert settings.choose_ports(tmp_path).ui != occupied_port


def test_a_fixed_port_in_use_is_refused_by_name(tmp_path: Path, occupied_port: int, monkeypatch: pytest.MonkeyPatch):
    """A port that the user fixed is never changed behind their back."""
    monkeypatch.setenv("BATON_PORT_UI", str(occupied_port))

    with pytest.raises(StackError, match=f"port {occupied_port} .BATON_PORT_UI. is in use"):
        settings.choose_ports(tmp_path)


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1", "80 "])
def test_what_is_no_port_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str):
    """A mistyped port is an error that names the variable."""
    monkeypatch.setenv("BATON_PORT_SMTP", value)

    with pytest.raises(StackError, match="BATON_PORT_SMTP"):
        settings.choose_ports(tmp_path)


def test_credentials_are_made_once_and_closed_to_others(tmp_path: Path):
    """Two stacks share no secret; one stack keeps its own, readable by its owner only."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = settings.credentials(tmp_path / "a")
    other = asdict(settings.credentials(tmp_path / "b"))

    assert settings.credentials(tmp_path / "a") == first
    assert (tmp_path / "a" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert [name for name, value in asdict(first).items() if value == other[name]] == ["ui_user"]


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path):
    """A half-written or edited file stops the start instead of replacing all passwords."""
    (tmp_path / "credentials.json").write_text('{"ui_user": ')

    with pytest.raises(StackError, match=r"cannot read .*credentials\.json"):
        settings.credentials(tmp_path)


def test_a_file_of_a_newer_version_is_read(tmp_path: Path):
    """A field that this version does not know is ignored, one that is missing is made."""
    (tmp_path / "credentials.json").write_text('{"ui_user": "me", "from_the_future": 1}')

    found = settings.credentials(tmp_path)

    assert found.ui_user == "me"
    assert found.fernet_key
