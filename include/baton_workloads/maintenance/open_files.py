"""Whether somebody has a file open, also a process that this container cannot see.

A write lease is granted to whom alone has the file open, and holds up whoever opens it until it is given back: what is
freed under it has no writer. Where a file system knows no leases (NFS, some network volumes) the answer is no, and the
file's age is what protects a writer.
Source: fcntl(2), "Leases".
"""

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.ENOLCK}


def is_open_elsewhere(path: Path) -> bool:
    """Say whether another process has the file open."""
    with _leased(path) as alone:
        return not alone


def unlink_unless_open(path: Path) -> bool:
    """Remove a file that nobody else has open; returns whether it was removed."""
    with _leased(path) as alone:
        if alone:
            path.unlink()
        return alone


@contextmanager
def _leased(path: Path) -> Iterator[bool]:
    """Hold a write lease; gives whether it was granted, or cannot be had on this file system."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    # Whoever opens the file meanwhile waits a moment; the kernel's signal about it would end this process.
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        yield _granted(descriptor)
    finally:
        os.close(descriptor)  # and with it the lease
        signal.signal(signal.SIGIO, before)


def _granted(descriptor: int) -> bool:
    if not hasattr(fcntl, "F_SETLEASE"):  # only Linux has leases
        return True
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as err:
        return err.errno in UNSUPPORTED
    return True
