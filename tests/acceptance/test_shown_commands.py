"""Commands that README and docs show for a running stack end well, as they stand."""

import os
import subprocess
import sys

import pytest
from tests.shown_commands import CATALOGUE

from baton_local.layout import PROJECT
from baton_local.stack import Stack

# What is asked of the scheduler here is the same on a slow cluster.
pytestmark = [pytest.mark.soak, pytest.mark.parametrize("stack", ["calm cluster"], indirect=True)]


@pytest.mark.parametrize("command", CATALOGUE["on_a_stack"])
def test_it_ends_well(stack: Stack, command: str) -> None:
    """With `--wait` that is a run that succeeds."""
    own = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "BATON"))}
    own |= {"BATON_VENV": sys.prefix, "BATON_STATE_DIR": str(stack.layout.state)}
    done = subprocess.run(["bash", "-euc", command], cwd=PROJECT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
