"""Find and end what a killed stack left running: only its own processes, never anybody else's."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from baton_local.layout import Layout

POLITE_SECONDS = 10.0


def leftovers(layout: Layout) -> list[psutil.Process]:
    """Processes of this stack that run now: those that work below its ``run`` folder and have no terminal."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            inside = Path(process.cwd()).is_relative_to(layout.run)
            if inside and process.terminal() is None and process.pid != os.getpid():
                found.append(process)
    return found


def end_leftovers(layout: Layout) -> int:
    """End what a killed stack left behind, politely first; returns how many processes there were."""
    found = leftovers(layout)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=POLITE_SECONDS)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(found)
