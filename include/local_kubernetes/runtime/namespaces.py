"""The namespaces that a shim makes for its container: a user's own, and a process tree of its own.

Why the container's command is not the first process of its tree: what it left behind would have to be told from what
is to outlive it. The first process is a small one that takes in orphans (SIGCHLD is ignored, so the kernel reaps them)
and lives as long as its standard input is open; the shim holds the other end. When it ends, for whatever reason, the
kernel ends everything in the tree. That the command ignores signals that it has no handler for, as a first process
does, is the shim's part.
Source: pid_namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NoReturn

from . import syscalls as sc


def prepare(level: str, *, own_pids: bool) -> int | None:
    """Make what the children of this process shall live in; returns the first process of their tree, if they get one.

    :param level: ``mount`` (needs CAP_SYS_ADMIN) or ``user`` (makes a user namespace first); nothing for ``none``.
    :raises OSError: the kernel or a policy of this machine does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    flags = (sc.NEW_USER if level == "user" else 0) | (sc.NEW_PIDS if own_pids else 0)
    if flags:
        sc.unshare(flags)
    if level == "user":
        _map_identity(user, group)
    return _start_init() if own_pids else None


def _map_identity(user: int, group: int) -> None:
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def _start_init() -> int:
    alive, _ = os.pipe()
    init = os.fork()
    if init == 0:
        _be_init(alive)
    os.close(alive)  # the other end stays open as long as this process lives
    return init


def _be_init(alive: int) -> NoReturn:
    """Wait for the shim's end. ``cat`` takes a tenth of the memory that this interpreter's copy would."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.setsid()
        os.chdir("/")
        os.dup2(alive, 0)
        with contextlib.suppress(OSError):
            os.execve("/bin/cat", ["cat"], {})
        os.read(0, 1)  # a machine without it
    finally:
        os._exit(1)
