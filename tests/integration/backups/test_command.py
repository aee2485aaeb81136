"""`./baton backups` hands over to the workloads' command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

INCLUDE = Path(__file__).parents[3] / "include"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["list"], 0, "0 backups. Is this the right address?"),
        (["restore", "latest", "--to", "postgresql://x/y"], 78, "BATON_BACKUP_IDENTITY: the private age key"),
    ],
)
def test_ones_own_store_needs_no_stack(tmp_path: Path, words: list[str], code: int, said: str):
    """With an address and a key in the environment nothing has to run here."""
    own = {"BATON_BACKUPS_URI": f"file://{tmp_path}", "BATON_BACKUP_MANIFEST_KEY": "ab" * 32}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(INCLUDE), "BATON_STATE_DIR": str(tmp_path), **own}
    command = [sys.executable, "-m", "baton_local.cli", "backups", *words]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stderr
