"""Mutation tests with mutmut: each change of a module that guards data has to make one of its tests fail.

mutmut wants its source in one folder, and mutates functions only. So it works on a copy in which the packages of
``plugins`` and ``include`` lie side by side; it forks one process for each mutant, after one import of everything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
LOCK = Path(__file__).with_name("requirements.txt")
TARGETS = Path(__file__).with_name("targets.yaml")
PACKAGES = ("plugins/baton", *(f"include/{name}" for name in (
    "baton_workloads", "baton_local", "kubernetes_cron", "kubernetes_values", "plain_yaml", "local_kubernetes",
)))  # fmt: skip
BESIDE = ("tests", "include", "config", "dags", "docs")
"""What tests read besides: data files, and each other's helpers."""
SETTINGS = """
[tool.mutmut]
source_paths = {sources}
only_mutate = {modules}
also_copy = {beside}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-x", "--timeout", "60", "-m", "not soak"]
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"
use_git_change_detection = false
track_dependencies = false
"""


@dataclass(frozen=True, order=True)
class Mutant:
    """A change that no test noticed.

    :param function: its module, class and name.
    :param change: the lines that go and come, as in a diff, without their indentation; ``*`` for any.
    """

    function: str
    change: str

    def explains(self, other: Mutant) -> bool:
        """Whether a reason for this one is one for the other."""
        return self.function == other.function and self.change in ("*", other.change)


def targets() -> dict[str, dict[str, Any]]:
    """Give what is mutated, by name: ``modules``, ``tests``, and ``survivors`` with the reason why each may live."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(TARGETS.read_text(encoding="utf-8"))
    return found


def install(folder: Path) -> Path:
    """Install mutmut into a folder of its own, with hashes; what it shares with .venv has the same versions."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q", "--require-hashes", "--no-deps"]
    subprocess.run([*uv, "--python", sys.executable, "--target", str(folder), "-r", str(LOCK)], check=True)
    return folder


def survivors(target: dict[str, Any], folder: Path, tool: Path) -> tuple[int, list[Mutant]]:
    """Mutate, run the tests, and give the number of mutants and those that lived.

    :param folder: an empty one.
    :param tool: where mutmut is installed.
    """
    _lay_out(target, folder)
    _mutmut(tool, folder, "run")
    lines = re.findall(r"^ *(\S+__mutmut_\d+): (.+)$", _mutmut(tool, folder, "results", "--all", "true"), re.M)
    if not lines:
        raise RuntimeError(f"mutmut made no mutants of {target['modules']}")
    alive = [name for name, state in lines if state not in ("killed", "timeout", "caught by type check")]
    return len(lines), sorted(_mutant(name, _mutmut(tool, folder, "show", name)) for name in alive)


def _lay_out(target: dict[str, Any], folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, folder / Path(package).name, ignore=ignored)
    for name in BESIDE:
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    settings = SETTINGS.format(
        sources=[Path(package).name for package in PACKAGES], modules=target["modules"], tests=target["tests"],
        beside=[name for name in BESIDE if name != "tests"],
    )  # fmt: skip
    ours = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    path = re.compile(r"^pythonpath = .*$", re.M)
    (folder / "pyproject.toml").write_text(path.sub('pythonpath = ["."]', ours) + settings, encoding="utf-8")


def _mutmut(tool: Path, folder: Path, *words: str) -> str:
    own = {name: text for name, text in os.environ.items() if not name.startswith(("COVERAGE", "PYTEST", "BATON"))}
    own |= {"PYTHONPATH": str(tool)}
    command = [sys.executable, str(tool / "bin" / "mutmut"), *words]
    done = subprocess.run(command, cwd=folder, env=own, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"mutmut {words[0]}: {done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def _mutant(name: str, diff: str) -> Mutant:
    function = re.sub(r"\.x_|\.xǁ", ".", name.partition("__mutmut")[0]).replace("ǁ", ".")
    changed = [line for line in diff.splitlines() if re.match(r"[+-](?![+-]{2})", line)]
    return Mutant(function, "\n".join(f"{line[0]} {line[1:].strip()}" for line in changed))


if __name__ == "__main__":
    import tempfile

    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            count, alive = survivors(targets()[name], Path(place) / "copy", install(Path(place) / "tool"))
        print(f"{name}: {count - len(alive)} of {count} mutants killed")
        print(yaml.safe_dump([{"function": one.function, "change": one.change} for one in alive], allow_unicode=True))
