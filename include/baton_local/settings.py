"""Ports and credentials of one stack: chosen at its first start, kept in 0600 files, the same at the next."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from baton_local.errors import StackError

T = TypeVar("T", "Ports", "Credentials")


def _token() -> str:
    return secrets.token_urlsafe(24)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _access_key() -> str:
    return "BATON" + secrets.token_hex(8).upper()[:15]


@dataclass
class Ports:
    """TCP ports on 127.0.0.1; 0 stands for one that is yet to be chosen."""

    ui: int = 0
    postgres: int = 0
    object_store: int = 0
    smtp: int = 0
    kubernetes: int = 0
    worker_logs: int = 0
    triggerer_logs: int = 0


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
    s3_export_key: str = field(default_factory=_access_key)
    s3_export_secret: str = field(default_factory=_token)
    s3_transform_key: str = field(default_factory=_access_key)
    s3_transform_secret: str = field(default_factory=_token)
    s3_load_key: str = field(default_factory=_access_key)
    s3_load_secret: str = field(default_factory=_token)
    s3_validate_key: str = field(default_factory=_access_key)
    s3_validate_secret: str = field(default_factory=_token)
    s3_purge_key: str = field(default_factory=_access_key)
    s3_purge_secret: str = field(default_factory=_token)


def digest(content: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` in one step, readable by its owner only: a kill leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as err:
        temporary.unlink(missing_ok=True)
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
