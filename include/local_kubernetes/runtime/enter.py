"""Run a command inside a running container: its mount tree, its environment, its directory.

``python -S -m local_kubernetes.runtime.enter [--terminal] ERRORS DIRECTORY PID COMMAND…``. ERRORS is a descriptor to
which is written why the command could not be started; it closes when it has been.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import termios
from typing import NoReturn

from . import syscalls as sc
from .execution import execute


def main(arguments: list[str]) -> NoReturn:
    """Join the container and become the command."""
    if arguments[0] == "--terminal":
        arguments = arguments[1:]
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    errors, directory, pid, *command = arguments
    os.set_inheritable(int(errors), False)
    with open(f"{directory}/spec.json") as file:
        spec = json.load(file)
    if spec["level"] != "none":
        join(int(pid), spec["level"], own_pids=spec["ownPids"])
    if spec["ownPids"]:
        _stay_behind(int(errors))
    sc.die_with_parent(signal.SIGKILL)
    try:
        os.chdir(spec["workdir"])
        execute(command, spec["env"])
    except OSError as err:
        os.write(int(errors), str(err.strerror or err).encode())
        os._exit(126)


def join(pid: int, level: str, *, own_pids: bool) -> None:
    """Enter the namespaces of a process; the process tree is joined by the children of this process."""
    wanted = (["user"] if level == "user" else []) + (["pid"] if own_pids else []) + ["uts", "mnt"]
    descriptors = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in wanted]
    for descriptor in descriptors:
        sc.set_namespace(descriptor, 0)
        os.close(descriptor)


def _stay_behind(errors: int) -> None:
    """Fork; only the child returns, in the container's process tree. This process ends as the child does."""
    child = os.fork()
    if child == 0:
        return
    os.close(errors)
    _, status = os.waitpid(child, 0)
    os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(sys.argv[1:])
