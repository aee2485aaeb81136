"""Pseudo-terminals for ``exec -it``."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import termios


def open_terminal() -> tuple[int, int]:
    """A new terminal: the server's side, not blocking, and the command's side."""
    server, command = pty.openpty()
    os.set_blocking(server, False)
    return server, command


def resize(terminal: int, message: bytes) -> None:
    """Give a terminal the size that the client's message tells; anything else is ignored."""
    with contextlib.suppress(ValueError, KeyError, TypeError, struct.error, OSError):
        size = json.loads(message)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["Height"], size["Width"], 0, 0))
