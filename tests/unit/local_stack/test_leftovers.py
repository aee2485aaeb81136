"""Processes that a killed stack left behind."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from baton_local import leftovers
from baton_local.layout import Layout

STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty state folder."""
    made = Layout(project=tmp_path, state=tmp_path / "state")
    made.make()
    return made


def test_only_processes_that_work_below_the_run_folder_end(layout: Layout):
    """A process elsewhere is never touched, one of ours ends and is counted."""
    (layout.run / "scheduler").mkdir()
    own_folder = layout.run / "scheduler"
    with (
        subprocess.Popen(["sleep", "60"], cwd=own_folder, start_new_session=True) as ours,
        subprocess.Popen(["sleep", "60"], cwd=layout.logs, start_new_session=True) as foreign,
    ):
        assert leftovers.end_leftovers(layout) == 1
        assert not psutil.pid_exists(ours.pid)
        assert foreign.poll() is None
        foreign.kill()


def test_what_ignores_the_polite_signal_is_killed(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    """Nothing of a killed stack survives its clean-up."""
    monkeypatch.setattr(leftovers, "POLITE_SECONDS", 0.5)
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], cwd=layout.run, start_new_session=True, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()

        assert leftovers.end_leftovers(layout) == 1
        assert not psutil.pid_exists(process.pid)
