"""Starting a container: namespaces, limit, mounts, streams, directory, command."""

from __future__ import annotations

import os
import signal
from typing import Any, NoReturn

from . import memory, namespaces, root_filesystem
from . import syscalls as sc
from .execution import execute

CHUNK = 1 << 16


class Container:
    """What the shim has started. ``pid`` 0: it could not be.

    :param output: what it writes.
    :param errors: why it could not start; at its end nothing more can go wrong.
    :param init: the first process of its process tree, if it has one of its own.
    :param ignores_signals: that it has no handler for.
    """

    def __init__(self, output: int, errors: int, *, ignores_signals: bool) -> None:
        self.output = output
        self.errors = errors
        self.ignores_signals = ignores_signals
        self.pid = 0
        self.init: int | None = None
        self.limit: memory.Limit | None = None

    def trouble(self) -> bytes:
        """Wait until the container runs or cannot; why it cannot, or nothing."""
        parts = []
        while part := os.read(self.errors, CHUNK):
            parts.append(part)
        os.close(self.errors)
        return b"".join(parts)


def start(spec: dict[str, Any]) -> Container:
    """Fork the container; what goes wrong is reported by ``trouble``."""
    output, output_end = os.pipe()
    errors, errors_end = os.pipe()
    container = Container(output, errors, ignores_signals=spec["ignoresSignals"])
    try:
        container.limit = memory.limit(spec["memoryBytes"], spec["controlGroup"])
        container.init = namespaces.prepare(spec["level"], own_pids=spec["ownPids"])
        container.pid = os.fork()
        if container.pid == 0:
            _become(spec, container.limit, output_end, errors_end)
    except OSError as err:
        os.write(errors_end, str(err).encode())
    os.close(output_end)
    os.close(errors_end)
    return container


def _become(spec: dict[str, Any], limit: memory.Limit | None, output: int, errors: int) -> NoReturn:
    try:
        os.setsid()
        if limit is not None:
            limit.join()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if spec["level"] != "none":
            binds = [root_filesystem.Bind(*bind) for bind in spec["binds"]]
            place, closed = f"{os.getcwd()}/root", bool(spec.get("readOnlyRoot"))
            root_filesystem.enter(place, binds, spec["hostName"], own_pids=spec["ownPids"], read_only=closed)
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.umask(0o022)
        _change_directory(spec["workdir"], make=spec["level"] != "none")
        sc.die_with_parent(signal.SIGKILL)
        if spec.get("noNewPrivileges"):
            sc.keep_privileges()
        execute(spec["argv"], spec["env"])
    except OSError as err:
        os.write(errors, (err.strerror or str(err)).encode())
    except BaseException as err:  # the shim must hear of it, whatever it is
        os.write(errors, repr(err).encode())
    os._exit(128)


def _change_directory(path: str, *, make: bool) -> None:
    try:
        if make:
            os.makedirs(path, exist_ok=True)
        os.chdir(path)
    except OSError as err:
        why = "not a directory" if isinstance(err, FileExistsError) else (err.strerror or "").lower()
        raise OSError(err.errno, f"error during container init: mkdir {path}: {why}") from err
