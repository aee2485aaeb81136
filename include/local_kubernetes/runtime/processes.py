"""Finding a pod's processes without its shims: by the variable that every one of them carries."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from .plan import POD_VARIABLE


def of_pod(uid: str) -> list[int]:
    """The processes that were started with a pod's variable. Empty where there is no ``/proc``."""
    marker = f"{POD_VARIABLE}={uid}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if marker in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
    return found


def sweep(uid: str) -> None:
    """Kill what is left of a pod whose shim is gone: nobody else would."""
    for pid in of_pod(uid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
