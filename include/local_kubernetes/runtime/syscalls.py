"""The few Linux calls that Python 3.11 has no function for. They raise OSError, also where Linux is missing."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

NEW_MOUNTS = 0x00020000
NEW_HOST_NAME = 0x04000000
NEW_USER = 0x10000000
NEW_PIDS = 0x20000000

READ_ONLY = 1
NO_SUID = 2
NO_DEVICES = 4
NO_EXEC = 8
REMOUNT = 32
BIND = 4096
RECURSIVE = 16384
PRIVATE = 1 << 18
_DETACH = 2
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_SET_NO_NEW_PRIVILEGES = 38

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"{name} needs Linux")
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by ``flags`` for new ones."""
    _call("unshare", ctypes.c_int(flags))


def set_namespace(descriptor: int, flags: int) -> None:
    """Join the namespace that an open ``/proc/PID/ns/…`` file stands for."""
    _call("setns", ctypes.c_int(descriptor), ctypes.c_int(flags))


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """mount(2)."""

    def text(value: str | None) -> bytes | None:
        return None if value is None else os.fsencode(value)

    try:
        _call("mount", text(source), text(target), text(kind), ctypes.c_ulong(flags), text(options))
    except OSError as err:
        raise OSError(err.errno, f"mount {source or kind} on {target}: {os.strerror(err.errno or 0)}") from err


def change_root(new_root: str) -> None:
    """Make a mount point the root of this mount namespace and let go of the old one."""
    os.chdir(new_root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", ctypes.c_int(_DETACH))
    os.chdir("/")


def set_host_name(name: str) -> None:
    """Set the host name of this UTS namespace."""
    encoded = name.encode()[:64]
    _call("sethostname", encoded, ctypes.c_size_t(len(encoded)))


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send a signal to this process when its parent ends; nothing where Linux is missing."""
    if sys.platform == "linux":
        _call("prctl", _SET_PARENT_DEATH_SIGNAL, ctypes.c_ulong(signal_number))


def keep_privileges() -> None:
    """Let no program that this process becomes gain privileges, for good; nothing where Linux is missing."""
    if sys.platform == "linux":
        _call("prctl", _SET_NO_NEW_PRIVILEGES, *(ctypes.c_ulong(each) for each in (1, 0, 0, 0)))


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs; nothing where Linux is missing."""
    if sys.platform == "linux":
        _call("prctl", _SET_CHILD_SUBREAPER, ctypes.c_ulong(1))
