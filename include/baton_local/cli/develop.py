"""``test``, ``check``, ``docs`` and ``lock``: what a change has to pass, its pages, and how dependencies are pinned."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from baton_local.coverage import below, raise_to, read_floors, read_report
from baton_local.errors import StackError
from baton_local.layout import PROJECT

console = Console(highlight=False)
BIN = Path(sys.executable).parent

LOCK_COMMAND = "./baton lock"
LOCKS = {
    "requirements.txt": [
        "pyproject.toml",
        "--group",
        "workloads",
        "--group",
        "local",
        "--group",
        "docs",
        "--group",
        "dev",
    ],
    "include/baton_workloads/requirements.txt": ["--group", "workloads", "--constraint", "requirements.txt"],
    "tests/mutation/requirements.txt": ["--group", "mutation", "--constraint", "requirements.txt"],
}

SIDE_BY_SIDE = ["-n", "4", "--dist", "loadscope", "--no-loadscope-reorder"]
"""The whole ordinary run waits as much as it computes: four processes share it, see tests/side_by_side.py."""

COVERAGE_FLOORS = PROJECT / "tests" / "coverage_floors.yaml"

Command = list[str]


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(str(PROJECT / name) for name in ("plugins", "include", "config"))
    search = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    # The theme's notice about the next MkDocs is for its own users; pyproject.toml says which one this is.
    settings = {"BATON_SETTINGS_FILE": str(PROJECT / "config" / "baton.yaml")}
    return {**settings, **os.environ, "PYTHONPATH": paths, "PATH": search, "NO_MKDOCS_2_WARNING": "1"}


def _run(command: Command, **variables: str) -> int:
    return subprocess.run(command, cwd=PROJECT, env=_environment() | variables, check=False).returncode


def test(
    context: typer.Context,
    soak: Annotated[
        bool, typer.Option("--soak", help="Also what takes long: faults by the dozen, large scales.")
    ] = False,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Measure lines and branches, by package; the whole run also keeps the floors."),
    ] = False,
    raise_floors: Annotated[
        bool, typer.Option("--raise-floors", help="With --coverage: write down what was reached where that is more.")
    ] = False,
) -> None:
    """Run the tests. Further words go to pytest, as in `./baton test tests/unit -k policy -x`."""
    words = pytest_words(context.args, soak=soak)
    if coverage:
        raise typer.Exit(_run_measured(words, is_whole=not context.args, raises=raise_floors))
    raise typer.Exit(_run([sys.executable, "-m", "pytest", *words]))


def _run_measured(words: list[str], *, is_whole: bool, raises: bool) -> int:
    """Run pytest and print what it ran of each package.

    :param is_whole: compare with the floors; a selection cannot reach them.
    :param raises: write higher floors where more was reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        measure = [sys.executable, "-m", "coverage"]
        own = {"COVERAGE_FILE": str(Path(folder) / "data")}
        code = _run([*measure, "run", "-m", "pytest", *words], **own)
        report = Path(folder) / "report.json"
        if _run([*measure, "combine", "--quiet"], **own) or _run([*measure, "json", "-q", "-o", str(report)], **own):
            return code or 1
        measured = read_report(report)
    for name, part in measured.items():
        if part.run or is_whole:
            console.print(f"{name:40} {part.percent:5.1f} %  {part.there - part.run:5} of {part.there} missed")
    if raises:
        raise_to(measured, COVERAGE_FLOORS)
    wrong = below(measured, read_floors(COVERAGE_FLOORS)) if is_whole else []
    for line in wrong:
        console.print(f"[red]✗[/] {line} ({COVERAGE_FLOORS.relative_to(PROJECT)})")
    return code or int(bool(wrong))


def pytest_words(words: list[str], *, soak: bool) -> list[str]:
    """Return pytest's command line: everything in four processes, a selection or what takes long in one."""
    selection = [] if soak else ["-m", "not soak"]
    division = [] if soak or words else SIDE_BY_SIDE
    return [*selection, *division, *words]


def checks_for(folder: str) -> dict[str, Command]:
    """What is checked, by name.

    :param folder: an empty one, for the site.
    """
    python = [sys.executable, "-m"]
    return {
        "format": [str(BIN / "ruff"), "format", "--check", "."],
        "lint": [str(BIN / "ruff"), "check", "."],
        "lint of JavaScript": [str(BIN / "oxlint"), "plugins", "docs"],
        "types": [*python, "mypy"],
        "import contracts": [str(BIN / "lint-imports")],
        "DAGS.md": [*python, "baton.dag_docs", "--check"],
        "reference pages": [sys.executable, "docs/site/make_reference.py", "--check"],
        "site": [*python, "mkdocs", "build", "--strict", "--site-dir", folder],
    }


def check() -> None:
    """Lint, types, import contracts, drift of generated documents, the documentation site."""
    with tempfile.TemporaryDirectory() as folder:
        checks = checks_for(folder)
        failed = [name for name, command in checks.items() if not _passes(name, command)]
    if failed:
        console.print(f"\n{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}")
        raise typer.Exit(1)


def _passes(name: str, command: Command) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, env=_environment(), check=False, capture_output=True, text=True)
    took = time.monotonic() - began
    console.print(f"{'[green]✓[/]' if done.returncode == 0 else '[red]✗[/]'} {name} ({took:.0f} s)")
    if done.returncode != 0:
        console.print((done.stdout + done.stderr).strip(), markup=False)
    return done.returncode == 0


def docs(
    build: Annotated[
        Path | None, typer.Option(help="Write the site to this folder instead, for any web server.", file_okay=False)
    ] = None,
    port: Annotated[int, typer.Option(help="Of 127.0.0.1, where the site is shown.", min=1, max=65535)] = 8000,
) -> None:
    """Show the documentation site on this machine; a page that is edited is shown anew. Ctrl-C ends it."""
    mkdocs = [sys.executable, "-m", "mkdocs"]
    if build is None:
        raise typer.Exit(_run([*mkdocs, "serve", "--dev-addr", f"127.0.0.1:{port}"]))
    folder = build.absolute()
    # MkDocs empties the folder first: that may only ever be an earlier site.
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "search" / "search_index.json").is_file():
        raise StackError(f"{folder} is not empty and holds no site: name a folder that does not exist yet")
    raise typer.Exit(_run([*mkdocs, "build", "--strict", "--site-dir", str(folder)]))


def python(context: typer.Context) -> None:
    """Run the project's Python with its import paths, as in `./baton python benchmarks/handover.py`."""
    raise typer.Exit(_run([sys.executable, *context.args]))


def lock() -> None:
    """Pin the dependencies of pyproject.toml again, with hashes, for Python 3.11 to 3.13."""
    for output, selection in LOCKS.items():
        command = [
            str(BIN / "uv"), "pip", "compile", *selection, "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-annotate", "--custom-compile-command", LOCK_COMMAND,
            "--quiet", "--output-file", output,
        ]  # fmt: skip
        if _run(command) != 0:
            raise typer.Exit(1)
        console.print(f"wrote {output}")
