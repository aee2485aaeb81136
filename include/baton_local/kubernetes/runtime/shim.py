"""One container's keeper: starts it, writes its log, waits, writes how it ended, and leaves nothing of it behind.

It outlives the server. All it shares with the server are files in the container's directory:
``spec.json`` (read), ``lock`` (held as long as the shim lives), ``log`` (``<time> <line>`` each),
``started.json`` and ``exit.json`` (appear complete or not at all). SIGTERM to the shim goes on to the container's
process group; SIGUSR1 kills everything.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from . import namespaces, root
from . import syscalls as sc

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 16
_ORPHANS_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.0002
_LONGEST_PAUSE_SECONDS = 0.01


def main(directory: str, acknowledge: Callable[[], None]) -> NoReturn:
    """Run the container of ``directory`` to its end; ``acknowledge`` is called when it has started or cannot."""
    os.setsid()
    os.chdir(directory)
    # Not the server's stderr: whoever reads that would wait for the shim's end.
    os.dup2(os.open("shim.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), 2)
    lock = os.open("lock", os.O_CREAT | os.O_RDWR, 0o600)
    _be_the_only_one(lock)
    with contextlib.suppress(OSError):
        sc.adopt_orphans()
    with open("spec.json") as file:
        spec = json.load(file)
    log = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    wake = _catch_signals()
    output, errors, child, init = _start(spec)
    trouble = _read_all(errors)
    if trouble:
        _end_orphans(child, init)
        _write("exit.json", {"error": trouble.decode(), "exitCode": 128, "finishedAt": time.time()})
    else:
        _write("started.json", {"pid": child, "shim": os.getpid(), "startedAt": time.time()})
    acknowledge()
    if not trouble:
        status = _keep(child, init, output, log, wake)
        _write("exit.json", {**describe(status), "finishedAt": time.time()})
    os._exit(0)


def _be_the_only_one(lock: int) -> None:
    """End at once if this container has, or had, a shim: a killed server may have asked just before its successor."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(0)
    if os.path.exists("started.json") or os.path.exists("exit.json"):
        sys.exit(0)


def describe(status: int) -> dict[str, int]:
    """A wait status as Kubernetes tells it: a signal is exit code 128 + number."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return {"exitCode": 128 + number, "signal": number}
    return {"exitCode": os.WEXITSTATUS(status)}


def _catch_signals() -> int:
    wake, wake_up = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_up, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
    return wake


def _start(spec: dict[str, Any]) -> tuple[int, int, int, int | None]:
    """Start the container; returns its output, where its trouble is told, its process and its tree's first process."""
    output, output_end = os.pipe()
    errors, errors_end = os.pipe()
    child, init = 0, None
    try:
        init = namespaces.prepare(spec["level"], own_pids=spec["ownPids"])
        child = os.fork()
        if child == 0:
            _become(spec, output_end, errors_end)
    except OSError as err:
        os.write(errors_end, str(err).encode())
    os.close(output_end)
    os.close(errors_end)
    return output, errors, child, init


def _become(spec: dict[str, Any], output: int, errors: int) -> NoReturn:
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if spec["level"] != "none":
            binds = [root.Bind(*bind) for bind in spec["binds"]]
            root.enter(f"{os.getcwd()}/root", binds, spec["hostName"], own_pids=spec["ownPids"])
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _change_directory(spec["workdir"], make=spec["level"] != "none")
        sc.die_with_parent(signal.SIGKILL)
        os.umask(0o022)
        _execute(spec["argv"], spec["env"])
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
        raise OSError(err.errno, f'workingDir "{path}": {err.strerror}') from err


def _execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    try:
        os.execvpe(argv[0], argv, env)
    except FileNotFoundError as err:
        where = "no such file or directory" if "/" in argv[0] else "executable file not found in $PATH"
        raise OSError(err.errno, f'exec: "{argv[0]}": {where}') from err
    except OSError as err:
        raise OSError(err.errno, f'exec: "{argv[0]}": {(err.strerror or "").lower()}') from err


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, CHUNK):
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts)


def _keep(child: int, init: int | None, output: int, log: int, wake: int) -> int:
    """Copy the output until the container has ended, then end what it left behind; returns its wait status."""
    writer = LogWriter(log)
    status: int | None = None
    waiting = {output, wake}
    while status is None:
        ready, _, _ = select.select(waiting, [], [])
        if output in ready and not writer.copy(output):
            waiting.discard(output)
        if wake in ready:
            status = _handle_signals(child, os.read(wake, 1024))
    _end_orphans(child, init)
    os.set_blocking(output, False)
    with contextlib.suppress(BlockingIOError):
        while output in waiting and writer.copy(output):
            pass
    writer.finish()
    return status


def _handle_signals(child: int, numbers: bytes) -> int | None:
    if signal.SIGTERM in numbers:
        _send(child, signal.SIGTERM)
    if signal.SIGUSR1 in numbers:
        _send(child, signal.SIGKILL)
    status: int | None = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                status = ended
            if pid == 0:
                break
    return status


def _send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_orphans(group: int, init: int | None) -> None:
    """Kill the container's group and every orphan; without a container there is nobody left to serve.

    With a process tree of their own all of them end with its first process.
    """
    if group:
        _send(group, signal.SIGKILL)
    if init is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(init, signal.SIGKILL)
    deadline, pause = time.monotonic() + _ORPHANS_SECONDS, _FIRST_PAUSE_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for pid in _children():
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        except ChildProcessError:
            return


def _children() -> list[int]:
    own = os.getpid()
    with contextlib.suppress(OSError), open(f"/proc/{own}/task/{own}/children") as file:
        return [int(pid) for pid in file.read().split()]
    return []


def _write(name: str, content: dict[str, Any]) -> None:
    with open(f".{name}", "w") as file:
        json.dump(content, file)
    os.rename(f".{name}", name)


class LogWriter:
    """Puts the time before each line; a line may come in pieces and is written as it comes."""

    def __init__(self, log: int) -> None:
        self._log = log
        self._at_line_start = True

    def copy(self, source: int) -> bool:
        """Copy what is there; False at the end of the output."""
        data = os.read(source, CHUNK)
        if data:
            self.write(data)
        return bool(data)

    def write(self, data: bytes) -> None:
        """Write a piece of output. All lines of one piece get the time it was read."""
        stamp = _stamp()
        ends = data.endswith(b"\n")
        body = (data[:-1] if ends else data).replace(b"\n", b"\n" + stamp)
        head = stamp if self._at_line_start else b""
        self._put(head + body + (b"\n" if ends else b""))
        self._at_line_start = ends

    def finish(self) -> None:
        """End the last line."""
        if not self._at_line_start:
            self._put(b"\n")
            self._at_line_start = True

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._log, view) :]
        except OSError as err:  # a full disk must not end the container
            print(f"log not written: {err}", file=sys.stderr)


def _stamp() -> bytes:
    nanoseconds = time.time_ns()
    parts = time.gmtime(nanoseconds // 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', parts)}.{nanoseconds % 1_000_000_000:09d}Z ".encode()
