"""Becoming a command, and telling in a container runtime's words why that is not possible."""

from __future__ import annotations

import errno
import os
from typing import NoReturn


def execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    """Become a command.

    :raises OSError: it cannot be started; its text is a container runtime's.
    """
    name = argv[0]
    if not name:
        raise OSError(errno.ENOENT, 'exec: "": executable file not found in $PATH')
    try:
        os.execvpe(name, argv, env)
    except FileNotFoundError as err:
        if "/" in name and os.path.exists(name):  # its interpreter is missing: that shows when it runs
            _fail_running(name, "no such file or directory")
        where = f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"
        raise OSError(err.errno, f'exec: "{name}": {where}') from err
    except OSError as err:
        if err.errno == errno.ENOEXEC:
            _fail_running(name, "exec format error")
        raise OSError(err.errno, f'exec: "{name}": {(err.strerror or "").lower()}') from err


def _fail_running(name: str, why: str) -> NoReturn:
    """End as runc 1.1 does with what it could only try: a run that fails, and its complaint in the log."""
    os.write(2, f"exec {name}: {why}\n".encode())
    os._exit(1)
