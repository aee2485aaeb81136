"""A copy of the workloads' package with files added to it, to show what a change needs and what it does not."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.workloads.chain import INCLUDE, Chain
from tests.workloads.in_process import Outcome


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


def run(chain: Chain, include: Path, *words: str, **changes: str) -> Outcome:
    """Run one command of the chain as a process, with the code of the copy."""
    process = chain.spawn(*words, PYTHONPATH=str(include), **changes)
    stdout, stderr = process.communicate(timeout=120)
    return Outcome(process.returncode, stdout, stderr)


def stages(chain: Chain, include: Path) -> dict[str, str]:
    """Export, transform and load all datasets with the code of the copy; give the processed manifests."""
    raw = run(chain, include, "export", "--run-key", "2026-11-22").result["manifests"]
    processed = {
        name: run(chain, include, "transform", "--manifest", uri).result["manifest"] for name, uri in raw.items()
    }
    for uri in processed.values():
        assert run(chain, include, "load", "--manifest", uri).result["outcome"] == "loaded"
    return processed


def validate(chain: Chain, include: Path, processed: dict[str, str]) -> Outcome:
    """Validate a run with the code of the copy."""
    return run(chain, include, "validate", *(word for uri in processed.values() for word in ("--manifest", uri)))


def python(include: Path, program: str) -> str:
    """Run a program with the code of the copy, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(include)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
