"""A container's memory limit, kept by the kernel where a control group can be had, else by looking every now and then.

Without a control group the resident memory of all processes of the container is summed up. Pages that processes share
would count several times, so before anything is killed the proportional share decides.
Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.oom.group, memory.events).
"""

from __future__ import annotations

import contextlib
import os
import time

_LOOK_SECONDS = 0.2
_CALM_SECONDS = 0.5  # for who uses less than a quarter of the limit: many idle containers shall cost next to nothing
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Limit:
    """The limit of one container whose processes descend from this process, kept by looking.

    Where there is no ``/proc`` it never finds any process.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._next_look = time.monotonic()
        self.exceeded = False

    def join(self) -> None:
        """Put this process, which is to become the container, under the limit."""

    def seconds_to_look(self) -> float | None:
        """How long one may wait for the next look."""
        return None if self.exceeded else max(0.0, self._next_look - time.monotonic())

    def look(self) -> bool:
        """Whether the container has to be killed now. Quick when it is not yet time to look."""
        now = time.monotonic()
        if self.exceeded or now < self._next_look:
            return False
        pids = descendants(os.getpid())
        used = sum(map(_resident, pids))
        self._next_look = now + (_LOOK_SECONDS if used > self._limit_bytes // 4 else _CALM_SECONDS)
        self.exceeded = used > self._limit_bytes and sum(map(_proportional, pids)) > self._limit_bytes
        return self.exceeded

    def finish(self) -> bool:
        """Called when everything has ended; whether it was killed for this limit's sake."""
        return self.exceeded


class ControlGroup(Limit):
    """A limit that the kernel keeps, in a control group of version 2 that is made here and removed at the end.

    :raises OSError: it cannot be made.
    """

    def __init__(self, directory: str, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self._directory = directory
        os.makedirs(directory, exist_ok=True)
        self._write("memory.max", str(limit_bytes))
        self._write("memory.oom.group", "1")
        with contextlib.suppress(FileNotFoundError):  # without swap there is no such file
            self._write("memory.swap.max", "0")

    def join(self) -> None:
        """Move this process."""
        self._write("cgroup.procs", "0")

    def seconds_to_look(self) -> float | None:
        """Nobody has to look."""
        return None

    def look(self) -> bool:
        """The kernel kills."""
        return False

    def finish(self) -> bool:
        """Read the count of kills, and remove the group."""
        with open(f"{self._directory}/memory.events") as file:
            counts = dict(line.split() for line in file)
        with contextlib.suppress(OSError):
            os.rmdir(self._directory)
        return int(counts.get("oom_kill", 0)) > 0

    def _write(self, name: str, content: str) -> None:
        with open(f"{self._directory}/{name}", "w") as file:
            file.write(content)


def limit(limit_bytes: int | None, control_group: str | None) -> Limit | None:
    """The limit that a container's spec asks for, or None.

    :raises OSError: the control group cannot be made.
    """
    if limit_bytes is None:
        return None
    return Limit(limit_bytes) if control_group is None else ControlGroup(control_group, limit_bytes)


def descendants(pid: int) -> list[int]:
    """The processes below a process, as far as they can be seen."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in _children(pid, thread):
                found += [child, *descendants(child)]
    return found


def _children(pid: int, thread: str) -> list[int]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
        return [int(child) for child in file.read().split()]
    return []


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * _PAGE_BYTES
    return 0


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)
