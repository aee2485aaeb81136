"""Ports and credentials of one stack: chosen at its first start, kept in 0600 files, the same at the next."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import pyrage

from baton_local.errors import StackError
from local_kubernetes import private_files

T = TypeVar("T", "Ports", "Credentials")


def _token() -> str:
    return secrets.token_urlsafe(24)


def _backup_identity() -> str:
    return str(pyrage.x25519.Identity.generate())


def recipient(identity: str) -> str:
    """The public key (``age1…``) of an age identity (``AGE-SECRET-KEY-1…``)."""
    return str(pyrage.x25519.Identity.from_str(identity).to_public())


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Ports:
    """TCP ports on 127.0.0.1; 0 stands for one that is yet to be chosen."""

    ui: int = 0
    postgres: int = 0
    object_store: int = 0
    smtp: int = 0
    slack: int = 0
    gateway: int = 0
    kubernetes: int = 0
    warehouse_api: int = 0


@dataclass
class Credentials:
    """Secrets of one stack, made at its first start. Nothing here is ever logged."""

    ui_user: str = "admin"
    ui_password: str = field(default_factory=_token)
    postgres_password: str = field(default_factory=_token)
    airflow_db_password: str = field(default_factory=_token)
    shop_reader_password: str = field(default_factory=_token)
    warehouse_loader_password: str = field(default_factory=_token)
    pseudonym_key: str = field(default_factory=lambda: secrets.token_hex(32))
    fernet_key: str = field(default_factory=_fernet_key)
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(64))  # SHA-512 wants as many bytes
    api_secret_key: str = field(default_factory=_token)
    slack_token: str = field(default_factory=lambda: f"xoxb-{_token()}")
    backup_identity: str = field(default_factory=_backup_identity)
    master_key: str = field(default_factory=lambda: secrets.token_hex(32))

    @property
    def gateway_password(self) -> str:
        """What callers of the functions' gateway need."""
        return derived(self.master_key, "gateway of functions")

    @property
    def callback_key(self) -> str:
        """What signs the addresses that functions post their answers to."""
        return derived(self.master_key, "callbacks of functions")

    def password(self, role: str) -> str:
        """The password of a database role that has no field of its own."""
        return derived(self.master_key, f"database role {role}")

    @property
    def alerts_token(self) -> str:
        """What a sender of alerts shows."""
        return derived(self.master_key, "sender of alerts")


def derived(master_key: str, purpose: str) -> str:
    """A secret for one purpose, 64 hexadecimal digits; neither the master key nor another purpose's follows from it."""
    return hmac.new(master_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def digest(content: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_private(path: Path, text: str) -> None:
    """Replace a file as `local_kubernetes.private_files` does.

    :raises StackError: it cannot be written.
    """
    try:
        private_files.write_private(path, text.encode())
    except OSError as err:
        raise StackError(f"cannot write {path}: {err.strerror}. Free some space or check the permissions.") from err


def _read(path: Path, kind: type[T]) -> T:
    try:
        stored: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return kind()
    except (OSError, ValueError) as err:
        raise StackError(
            f"cannot read {path}: {err}. Restore it, or remove the whole folder {path.parent} to start afresh "
            "(the local databases are lost, nothing else)."
        ) from err
    known = {item.name for item in fields(kind)}
    return kind(**{name: value for name, value in stored.items() if name in known})


def credentials(state: Path) -> Credentials:
    """The stack's credentials; those that are missing are made and stored."""
    path = state / "credentials.json"
    found = _read(path, Credentials)
    write_private(path, json.dumps(asdict(found), indent=2))
    return found


def is_free(port: int) -> bool:
    """Whether a server can listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def _fixed(name: str) -> int | None:
    variable = f"BATON_PORT_{name.upper()}"
    text = os.environ.get(variable)
    if not text:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise StackError(f"{variable}={text!r} is not a port: give a number from 1 to 65535, or unset it.")
    if not is_free(int(text)):
        raise StackError(
            f"port {text} ({variable}) is in use by another program: stop that one, or choose another port."
        )
    return int(text)


def stored_ports(state: Path) -> Ports:
    """The ports of the last start, 0 where none was chosen yet."""
    return _read(state / "ports.json", Ports)


def choose_ports(state: Path) -> Ports:
    """Ports for a start: the fixed ones (``BATON_PORT_UI`` …), else those of the last start where free, else new ones.

    :raises StackError: a fixed port is in use or is no port.
    """
    last = stored_ports(state)
    taken: set[int] = set()
    chosen = Ports()
    for item in fields(Ports):
        before: int = getattr(last, item.name)
        port = _fixed(item.name) or (
            before if before and before not in taken and is_free(before) else _free_port(taken)
        )
        taken.add(port)
        setattr(chosen, item.name, port)
    write_private(state / "ports.json", json.dumps(asdict(chosen), indent=2))
    return chosen
