"""One run of one container, seen from the server: launch it, find it again, signal it, await its end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_kubernetes.log_files import LogFiles
from local_kubernetes.private_files import write_private

from .launcher import Launcher
from .root_filesystem import Bind

LOG_LIMIT_BYTES = 256 << 20
_LOG_FILES = 16
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Spec:
    """What the shim has to run. ``binds`` count only where the level has mount namespaces.

    :param own_pids: give the container a process tree of its own.
    :param control_group: where to make the one that keeps the memory limit; without it the shim measures.
    :param log_limit_bytes: how much of the log is kept; beyond it the oldest part goes.
    :param ignores_signals: that it has no handler for, as the first process of a process tree does.
    :param read_only_root: outside its volumes nothing can be written; without mount namespaces it can.
    :param no_new_privileges: what it starts gains none, by a set-user-ID program for instance.
    """

    level: str
    own_pids: bool
    argv: list[str]
    env: dict[str, str]
    workdir: str
    host_name: str
    binds: list[Bind]
    memory_bytes: int | None = None
    control_group: str | None = None
    log_limit_bytes: int = LOG_LIMIT_BYTES
    ignores_signals: bool = True
    read_only_root: bool = False
    no_new_privileges: bool = False

    def encode(self) -> bytes:
        """As the shim reads it."""
        content = {
            "level": self.level,
            "ownPids": self.own_pids,
            "argv": self.argv,
            "env": self.env,
            "workdir": self.workdir,
            "hostName": self.host_name,
            "binds": self.binds,
            "memoryBytes": self.memory_bytes,
            "controlGroup": self.control_group,
            "ignoresSignals": self.ignores_signals,
            "readOnlyRoot": self.read_only_root,
            "noNewPrivileges": self.no_new_privileges,
            "logFileBytes": max(1, self.log_limit_bytes // _LOG_FILES),
            "logFiles": _LOG_FILES,
        }
        return json.dumps(content).encode()


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended. ``error`` tells why it never started; ``lost`` means nobody saw the end.

    ``out_of_memory``: it was killed for its memory limit. Times are Unix seconds.
    """

    code: int
    finished_at: float
    started_at: float | None = None
    signal: int | None = None
    error: str | None = None
    lost: bool = False
    out_of_memory: bool = False


class Attempt:
    """A run in its directory, which is the only thing shared with the shim."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._pidfd: int | None = None

    @property
    def log(self) -> Path:
        """The path of the log's files without their numbers."""
        return self.directory / "log"

    def exists(self) -> bool:
        """Whether it was ever launched."""
        return (self.directory / "lock").exists()

    async def launch(self, spec: Spec, launcher: Launcher) -> None:
        """Start it; returns when the container runs or has failed to."""
        (self.directory / "root").mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.directory / "spec.json", spec.encode(), durable=False)
        await launcher.launch(self.directory)

    def started(self) -> dict[str, Any] | None:
        """``pid``, ``shim`` and ``startedAt`` once the container runs."""
        return self._read("started.json")

    def alive(self) -> bool:
        """Whether the shim lives: it holds a lock that the kernel takes from the dead."""
        try:
            descriptor = os.open(self.directory / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    async def wait(self) -> Exit:
        """Wait for the end and tell how it was."""
        with contextlib.closing(self):
            await self._shim_gone()
        return self.outcome()

    def _forget_secrets(self) -> None:
        """Keep no values of Secrets for a container that has ended: kept pods stay for days."""
        spec = self._read("spec.json")
        if spec is not None and "env" in spec:
            rest = {name: value for name, value in spec.items() if name not in ("env", "argv")}
            write_private(self.directory / "spec.json", json.dumps(rest).encode(), durable=False)

    def outcome(self) -> Exit:
        """How it ended, once the shim is gone."""
        self._forget_secrets()
        started = self.started() or {}
        ended = self._read("exit.json")
        if ended is None:
            log = LogFiles(self.log).newest()
            at = (log if log.exists() else self.directory).stat().st_mtime
            return Exit(137, at, started.get("startedAt"), lost=True)
        return Exit(
            ended["exitCode"],
            ended["finishedAt"],
            started.get("startedAt"),
            ended.get("signal"),
            ended.get("error"),
            out_of_memory=ended.get("outOfMemory", False),
        )

    def signal(self, number: int) -> None:
        """SIGTERM asks the container to end, SIGKILL ends it and all it started; nothing if it is gone."""
        started = self.started()
        if started is None or not self.alive():
            return
        sent = signal.SIGUSR1 if number == signal.SIGKILL else number
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, sent)
            else:
                os.kill(started["shim"], sent)

    def close(self) -> None:
        """Let go of the shim without ending it."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    async def _shim_gone(self) -> None:
        started = self.started()
        if started is None or not self.alive():
            return
        try:
            self._pidfd = os.pidfd_open(started["shim"])
        except (AttributeError, OSError):
            while self.alive():  # not Linux, or gone this moment
                await asyncio.sleep(_POLL_SECONDS)
            return
        if not self.alive():
            return
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not gone.done():
                gone.set_result(None)

        loop.add_reader(self._pidfd, wake)
        try:
            await gone
        finally:
            loop.remove_reader(self._pidfd)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads((self.directory / name).read_text())
        except FileNotFoundError:
            return None
        return content
