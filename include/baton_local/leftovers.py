"""Find and end what killed processes of a stack left running: only its own, never anybody else's.

``python -m baton_local.leftovers FOLDER`` ends what works below a folder; each component's start does that first. A
killed Airflow process leaves children behind, which keep its ports and, worse, its database connection with the locks
of an unfinished transaction.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import psutil

from baton_local.layout import Layout

POLITE_SECONDS = 10.0


def leftovers(folder: Path) -> list[psutil.Process]:
    """Processes without a terminal that work below a folder, but for this one and those that started it."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            inside = Path(process.cwd()).is_relative_to(folder)
            if inside and process.terminal() is None and process.pid not in spared:
                found.append(process)
    return found


def end_below(folder: Path, polite_seconds: float) -> int:
    """End what works below a folder, politely first; returns how many processes there were."""
    found = leftovers(folder)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=polite_seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(found)


def end_leftovers(layout: Layout) -> int:
    """End what a killed stack left behind; returns how many processes there were."""
    return end_below(layout.run, POLITE_SECONDS)


if __name__ == "__main__":
    end_below(Path(sys.argv[1]), polite_seconds=1)
