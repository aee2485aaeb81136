"""The wheel of the local Kubernetes, alone: an environment that holds it and what it declares, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.timeout(180)
PROJECT = Path(__file__).parents[2] / "include" / "local_kubernetes"
DECLARED = ("aiohttp", "pyyaml", "trustme")


def _needed(names: tuple[str, ...]) -> dict[str, Distribution]:
    """What these distributions need to run, themselves included, as this environment has it."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower()
        if name in found:
            continue
        found[name] = distribution(name)
        wanted = [Requirement(text) for text in found[name].requires or ()]
        waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _show(packages: Path, shown: Distribution) -> None:
    """Link a distribution's files into another environment: installing it anew would need the network."""
    for top in {Path(str(file)).parts[0] for file in shown.files or ()} - {".."}:
        if not (packages / top).exists():
            (packages / top).symlink_to(Path(str(shown.locate_file(top))))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel."""
    folder = tmp_path_factory.mktemp("alone")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, check=True, cwd=PROJECT, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    for needed in _needed(DECLARED).values():
        _show(packages, needed)
    made = folder / "venv" / "bin" / "python"
    subprocess.run([made, "-m", "pip", "install", "-q", "--no-index", wheel], check=True, env=_environment(made))
    return made


def _environment(python: Path) -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "KUBE", "BATON"))}
    return own | {"PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])}


def test_nothing_that_it_needs_is_undeclared(python):
    """Every module can be imported there, but for pytest's fixtures, which are an extra."""
    script = (
        "import importlib, pkgutil, local_kubernetes\n"
        "for module in pkgutil.walk_packages(local_kubernetes.__path__, 'local_kubernetes.'):\n"
        "    if not module.name.endswith(('.testing', '__main__')):\n"
        "        importlib.import_module(module.name); print(module.name)\n"
    )
    done = subprocess.run([python, "-c", script], check=True, env=_environment(python), capture_output=True, text=True)
    assert len(done.stdout.splitlines()) > 100


def test_command_has_a_name(python):
    """Installed, it is `local-kubernetes`."""
    command = [python.parent / "local-kubernetes", "probe"]
    done = subprocess.run(command, check=True, env=_environment(python), capture_output=True, text=True)
    assert re.match(r"(mount|user|none): ", done.stdout)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_five_lines_of_its_readme(python, tmp_path):
    """They start it, run a pod and show its log."""
    [lines] = re.findall(r"```bash\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    wait = "for _ in $(seq 300); do [ -s .k8s/kubeconfig ] && break; sleep 0.1; done\n"
    ready = "kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/hello --timeout=60s\n"
    script = lines.replace("kubectl run", f"{wait}kubectl run").replace("kubectl logs", f"{ready}kubectl logs")
    stop = "python -m local_kubernetes --state-dir .k8s stop-pods; wait\n"
    command = ["bash", "-c", script + stop]
    done = subprocess.run(
        command, cwd=tmp_path, env=_environment(python), capture_output=True, text=True, timeout=120, check=False
    )
    assert "\nhello\n" in done.stdout, done.stdout + done.stderr
