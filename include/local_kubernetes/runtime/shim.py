"""One container's keeper: starts it, writes its log, waits, writes how it ended, and leaves nothing of it behind.

It outlives the server. All it shares with the server are files in the container's directory:
``spec.json`` (read), ``lock`` (held as long as the shim lives), ``log.0``, ``log.1``, …,
``started.json`` and ``exit.json`` (appear complete or not at all). SIGTERM to the shim goes on to the container's
command alone; SIGUSR1 kills everything.
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

from . import memory
from . import syscalls as sc
from .container import Container, start
from .log_writer import LogWriter

if TYPE_CHECKING:
    from collections.abc import Callable

_ORPHANS_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.0002
_MAX_PAUSE_SECONDS = 0.01


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
    writer = LogWriter("log", spec["logFileBytes"], spec["logFiles"])
    wake = _catch_signals()
    container = start(spec)
    trouble = container.trouble()
    if trouble:
        _end_orphans(container)
        _write("exit.json", {"error": trouble.decode(), "exitCode": 128, "finishedAt": time.time()})
    else:
        _write("started.json", {"pid": container.pid, "shim": os.getpid(), "startedAt": time.time()})
    acknowledge()
    if not trouble:
        status, killed = _keep(container, writer, wake)
        _write("exit.json", {**describe(status), "outOfMemory": killed, "finishedAt": time.time()})
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


def _keep(container: Container, writer: LogWriter, wake: int) -> tuple[int, bool]:
    """Copy the output until the container has ended, then end what it left behind.

    Returns its wait status, and whether it was killed for its memory limit.
    """
    status: int | None = None
    output, limit = container.output, container.limit
    waiting = {output, wake}
    while status is None:
        ready, _, _ = select.select(waiting, [], [], limit.seconds_to_look() if limit else None)
        if output in ready and not writer.copy(output):
            waiting.discard(output)
        if wake in ready:
            status = _handle_signals(container, os.read(wake, 1024))
        if status is None and limit and limit.look():
            _send(container.pid, signal.SIGKILL)
    _end_orphans(container)
    os.set_blocking(output, False)
    with contextlib.suppress(BlockingIOError):
        while output in waiting and writer.copy(output):
            pass
    return status, limit is not None and limit.finish()


def _handle_signals(container: Container, numbers: bytes) -> int | None:
    child = container.pid
    if signal.SIGTERM in numbers:
        _ask_to_end(container)
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


def _ask_to_end(container: Container) -> None:
    """SIGTERM, unless the kernel would drop it.

    On a cluster the command is the first process of its process tree, to which the kernel delivers no signal that it
    has no handler for. Here it is not (see ``namespaces``), so that this is left to be done.
    """
    if not container.ignores_signals or _catches(container.pid, signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.kill(container.pid, signal.SIGTERM)


def _catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal; True where that cannot be seen.

    Source: proc_pid_status(5), SigCgt.
    """
    try:
        with open(f"/proc/{pid}/status") as file:
            [caught] = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    except (OSError, ValueError):
        return True
    return bool(int(caught, 16) >> (number - 1) & 1)


def _send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_orphans(container: Container) -> None:
    """Kill the container's group and every orphan; without a container there is nobody left to serve.

    With a process tree of their own all of them end with its first process.
    """
    if container.pid:
        _send(container.pid, signal.SIGKILL)
    if container.init is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(container.init, signal.SIGKILL)
    deadline, pause = time.monotonic() + _ORPHANS_SECONDS, _FIRST_PAUSE_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for pid in memory.descendants(os.getpid()):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE_SECONDS)
        except ChildProcessError:
            return


def _write(name: str, content: dict[str, Any]) -> None:
    with open(f".{name}", "w") as file:
        json.dump(content, file)
    os.rename(f".{name}", name)
