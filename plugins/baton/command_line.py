"""How this plugin's command lines end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

READER_GONE = 141
"""As a shell shows a program that SIGPIPE has ended."""


def run(command: Callable[[], int | None]) -> NoReturn:
    """Run a command line and exit with its code; None is 0.

    Whoever reads its output may stop, as `head` does: then it ends, and says nothing. What stands in the buffer is
    written here, and not while Python ends, when an error could only be printed.
    """
    try:
        try:
            code = command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        sys.exit(READER_GONE)
    sys.exit(code or 0)
