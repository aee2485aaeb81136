"""The walk through import, chain, adoption, and back, as somebody does it who has just cloned the project."""

import os
import re
import subprocess
import sys

import pytest

from baton_local.layout import PROJECT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
GUIDE = PROJECT / "docs" / "moving-cronjobs.md"
MARK = "@@@ next block"
LISTING = "kubectl get cronjobs"


def blocks(kind: str) -> list[str]:
    """The guide's code blocks of a kind, in their order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block prints, all of them run as they stand, in one shell, in a clone of what is committed."""
    clone = tmp_path_factory.mktemp("guide") / "baton"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
    own = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "BATON", "PYTHON"))}
    own |= {"BATON_VENV": sys.prefix, "HOME": str(clone.parent)}
    script = "set -euo pipefail\n" + "".join(f"{block}echo '{MARK}'\n" for block in blocks("bash"))
    try:
        done = subprocess.run(["bash", "-c", script], cwd=clone, env=own, capture_output=True, text=True)
    finally:
        subprocess.run(["./baton", "down"], cwd=clone, env=own, check=False, capture_output=True)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-4000:]}"
    return done.stdout.split(f"{MARK}\n")


def test_every_command_works_and_prints_what_the_guide_shows(outputs: list[str]) -> None:
    """Each line of output that the guide quotes is there."""
    lines = [line.strip() for block in blocks("text") for line in block.splitlines()]
    assert len(lines) >= 4
    assert [line for line in lines if not any(line in printed for printed in outputs)] == []


def test_cronjobs_are_suspended_while_airflow_runs_them_and_no_longer(outputs: list[str]) -> None:
    """The guide lists the cluster's CronJobs before the adoption, during it, and when they were given back."""
    listings = [printed for block, printed in zip(blocks("bash"), outputs, strict=False) if LISTING in block]
    before, during, after = (dict(re.findall(r"^(\S+) .* (True|False) +\d", text, re.MULTILINE)) for text in listings)
    adopted = ("shop-extract", "shop-transform", "shop-load", "send-reminders")
    suspended = [[state[name] for name in adopted] for state in (before, during, after)]
    assert suspended == [["False"] * 4, ["True"] * 4, ["False"] * 4]
    assert during["weekly-vacuum"] == "False"
