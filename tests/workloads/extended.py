"""A copy of the workloads' package with files added to it, to show what a change needs and what it does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.workloads.chain import INCLUDE, Chain
from tests.workloads.in_process import Outcome

PROJECT = Path(__file__).parents[2]
RUN_EACH = """
import json, sys
from dataclasses import asdict
from tests.workloads.in_process import extensions_unchecked, run_workload
with extensions_unchecked():
    for line in sys.stdin:
        words, environment = json.loads(line)
        print(json.dumps(asdict(run_workload(*words, environment=environment))), flush=True)
"""


def extended(folder: Path, files: dict[str, str]) -> Path:
    """Copy the package and add files that are not there yet; nothing that is there is changed.

    :param files: text by path within the package.
    :returns: what to put on PYTHONPATH.
    """
    package = folder / "include" / "baton_workloads"
    shutil.copytree(INCLUDE / "baton_workloads", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in files.items():
        assert not (package / name).exists()
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package.parent


class Commands:
    """The chain's commands with the code of the copy: one process, which imports it once, runs them all."""

    def __init__(self, include: Path) -> None:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{include}{os.pathsep}{PROJECT}"}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", RUN_EACH], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "Commands":
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.communicate(timeout=30)

    def run(self, chain: Chain, *words: str, **changes: str) -> Outcome:
        """Run one command of the chain."""
        command, environment = chain.command(*words)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([command[3:], environment | changes]) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))

    def stages(self, chain: Chain) -> dict[str, str]:
        """Export, transform and load all datasets; give the processed manifests."""
        raw = self.run(chain, "export", "--run-key", "2026-11-22").result["manifests"]
        processed = {
            name: self.run(chain, "transform", "--manifest", uri).result["manifest"] for name, uri in raw.items()
        }
        for uri in processed.values():
            assert self.run(chain, "load", "--manifest", uri).result["outcome"] == "loaded"
        return processed

    def validate(self, chain: Chain, processed: dict[str, str], **changes: str) -> Outcome:
        """Validate a run."""
        words = [word for uri in processed.values() for word in ("--manifest", uri)]
        return self.run(chain, "validate", *words, **changes)


def python(include: Path, program: str) -> str:
    """Run a program with the code of the copy, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(include)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
