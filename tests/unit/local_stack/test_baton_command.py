"""`./baton` itself: which Python makes `.venv`, when it is made anew, and who makes it.

A small project with the real script; its lock names one package, a stand-in for uv that notes each of its calls.
"""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from baton_local.layout import PROJECT

UV = """#!/bin/sh
printf '%s\\n' "$*" >>"$UV_CALLS"
sleep "${UV_SECONDS:-0}"
"""
SHOW = "import sys; print('ran with', sys.base_prefix)"
SLEEP = "import time; print('up', flush=True); time.sleep(120)"


def wheel(folder: Path, name: str, version: str, files: dict[str, bytes], tag: str = "py3-none-any") -> str:
    """Write a wheel; returns its line in a lock, with its hash."""
    info = f"{name}-{version}.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = ""
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in (files | metadata).items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=1)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record += f"{file},sha256={digest},{len(content)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@dataclass
class Clone:
    """A project with nothing but what `./baton` needs to make `.venv`."""

    folder: Path
    environment: dict[str, str]

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    @property
    def calls(self) -> list[str]:
        """How the stand-in for uv was called."""
        file = Path(self.environment["UV_CALLS"])
        return file.read_text().splitlines() if file.exists() else []

    def start(self, python: Path | None, **variables: str) -> "subprocess.Popen[str]":
        """Start `./baton` with one Python on PATH, or none."""
        own = self.environment | variables
        own["PATH"] = os.pathsep.join([*([str(python / "bin")] if python else []), self.environment["PATH"]])
        return subprocess.Popen(
            [str(self.folder / "baton")], env=own, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, python: Path | None, **variables: str) -> tuple[int, str]:
        with self.start(python, **variables) as process:
            return process.wait(), process.stdout.read() if process.stdout else ""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with what the script calls, and no Python."""
    folder = tmp_path_factory.mktemp("tools")
    names = ("bash", "awk", "sed", "cat", "rm", "df", "tail", "grep", "cut", "tr", "uname", "dirname", "sleep", "ps")
    for name in names:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def clone(tmp_path: Path, tools: Path) -> Clone:
    folder = tmp_path / "a clone"
    package = folder / "include" / "baton_local"
    package.mkdir(parents=True)
    shutil.copy(PROJECT / "baton", folder)
    shutil.copy(PROJECT / "include" / "baton_local" / "installer_settings.py", package)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(SHOW)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (folder / "requirements.txt").write_text(wheel(wheels, "uv", "0.0.1", {"uv-0.0.1.data/scripts/uv": UV.encode()}))
    environment = {
        "PATH": str(tools),
        "HOME": str(tmp_path),
        "UV_CALLS": str(tmp_path / "calls"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
    }
    return Clone(folder, environment)


@pytest.fixture
def pythons(tmp_path: Path) -> tuple[Path, Path]:
    """Two installations of Python: this one's program and libraries, in two places."""
    made = []
    for name in ("a", "b"):
        prefix = tmp_path / f"python {name}"
        (prefix / "bin").mkdir(parents=True)
        program = prefix / "bin" / "python3"
        base = Path(sys.base_prefix)
        shutil.copy(Path(sys.executable).resolve(), program)
        for library in ("lib", "lib64"):
            if (base / library).is_dir():
                (prefix / library).symlink_to(base / library)
        made.append(prefix)
    return made[0], made[1]


def change_lock(clone: Clone) -> None:
    lock = clone.folder / "requirements.txt"
    lock.write_text(lock.read_text() + "# changed\n")


def test_a_venv_that_works_is_replaced_only_when_asked(clone: Clone, pythons: tuple[Path, Path]) -> None:
    """Another Python on PATH changes nothing, also when the lock changes; BATON_PYTHON replaces it, and says so."""
    a, b = pythons
    assert clone.run(a)[1].endswith(f"ran with {a}\n")
    kept = clone.venv / "kept"
    kept.touch()

    assert clone.run(b) == (0, f"ran with {a}\n")
    assert clone.run(None) == (0, f"ran with {a}\n")
    assert clone.run(b, BATON_PYTHON=str(a / "bin" / "python3")) == (0, f"ran with {a}\n")
    assert len(clone.calls) == 1

    change_lock(clone)
    code, output = clone.run(b)
    assert (code, output.splitlines()[-1], len(clone.calls), kept.exists()) == (0, f"ran with {a}", 2, True)
    assert "its Python stays" in output

    code, output = clone.run(b, BATON_PYTHON=os.devnull)
    assert (code, kept.exists(), "BATON_PYTHON" in output) == (1, True, True)

    code, output = clone.run(a, BATON_PYTHON=str(b / "bin" / "python3"))
    assert (code, output.splitlines()[-1], kept.exists()) == (0, f"ran with {b}", False)
    assert f"{a} and is made anew" in output
    assert clone.run(a) == (0, f"ran with {b}\n")


def test_a_venv_whose_python_is_gone_is_made_anew(clone: Clone, pythons: tuple[Path, Path]) -> None:
    """What does not run is no reason to stop."""
    a, b = pythons
    clone.run(a)
    shutil.rmtree(a)

    code, output = clone.run(b)

    assert (code, output.splitlines()[-1]) == (0, f"ran with {b}")
    assert "is made anew" in output


def test_a_running_stack_is_named_and_keeps_its_python(clone: Clone, pythons: tuple[Path, Path]) -> None:
    """New packages below a stack that runs are said; its Python is not taken away from it."""
    a, b = pythons
    clone.run(a)
    command = [str(clone.venv / "bin" / "python"), "-c", SLEEP, "supervisor.supervisord"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stack:
        assert stack.stdout
        stack.stdout.readline()
        (clone.folder / ".baton").mkdir()
        (clone.folder / ".baton" / "supervisord.pid").write_text(f"{stack.pid}\n")

        refused, output = clone.run(b, BATON_PYTHON=str(b / "bin" / "python3"))
        assert (refused, f"a stack runs (process {stack.pid})" in output) == (1, True)
        assert clone.run(b) == (0, f"ran with {a}\n")

        change_lock(clone)
        code, output = clone.run(b)
        assert (code, output.splitlines()[-1]) == (0, f"ran with {a}")
        assert f"A stack runs from {clone.venv} (process {stack.pid})" in output
        stack.kill()


def test_of_many_commands_at_once_one_makes_the_venv(clone: Clone, pythons: tuple[Path, Path]) -> None:
    """Also where a lock file was left behind; those who wait do not make another one with their own Python."""
    a, b = pythons
    (clone.folder / ".venv.flock").write_text("4194304\n")

    started = [clone.start(python, UV_SECONDS="2") for python in (a, b, a, b, b)]
    outputs = [process.communicate(timeout=120)[0] for process in started]

    assert [process.returncode for process in started] == [0] * 5, outputs
    assert len(clone.calls) == 1
    assert len({output.splitlines()[-1] for output in outputs}) == 1
    waiting = [output.splitlines() for output in outputs if "Waiting" in output]
    assert len(waiting) == 4
    assert all(len(lines) <= 5 for lines in waiting)
    assert not (clone.folder / ".venv.flock").exists()


def test_a_killed_builder_is_followed_by_exactly_one(clone: Clone, pythons: tuple[Path, Path]) -> None:
    """The lock ends with the processes that hold it."""
    first = clone.start(pythons[0], UV_SECONDS="3")
    until = time.monotonic() + 120
    while not clone.calls:
        assert time.monotonic() < until
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()

    started = [clone.start(pythons[1]) for _ in range(4)]
    outputs = [process.communicate(timeout=120)[0] for process in started]

    assert [process.returncode for process in started] == [0] * 4, outputs
    assert len(clone.calls) == 2
    assert {output.splitlines()[-1] for output in outputs} == {f"ran with {pythons[0]}"}
    if first.stdout:
        first.stdout.close()
