"""The public names of the wheel are those of docs/public-api.md, and cost only what they need."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import baton

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "public-api.md").read_text()
ROWS = re.findall(r"^\| `(baton\.\w+)` \| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
ROOMS = sorted(
    found.name for found in pkgutil.iter_modules(baton.__path__, "baton.") if found.ispkg and found.name != "baton.api"
)
MODULES = {"baton.defaults", "baton.exceptions", "baton.settings"}
"""Public modules that are no packages; only the names on the page are public."""
NEEDS_KUBERNETES = {"WorkloadOperator"}
CLIENTS = ("kubernetes", "kubernetes_asyncio", "airflow.providers.cncf.kubernetes.operators", "boto3")


def lazy_rooms():
    """Each room with public names."""
    return [room for room in ROOMS if "_MODULES" in vars(importlib.import_module(room))]


def test_the_page_lists_each_public_name_once():
    """In order, with what it is."""
    names = [(room, name) for room, name, _ in ROWS]
    assert names == sorted(set(names))
    of_rooms = {(room, name) for room in lazy_rooms() for name in importlib.import_module(room).__all__}
    assert {row for row in names if row[0] not in MODULES} == of_rooms
    assert {room for room, _ in names} - set(lazy_rooms()) == MODULES


@pytest.mark.parametrize(("room", "name"), [row[:2] for row in ROWS])
def test_a_public_name_is_what_its_module_has(room, name):
    """Whatever has been imported before: no module of the room has the same name."""
    package = importlib.import_module(room)
    thing = getattr(package, name)
    if room not in MODULES:
        assert thing is getattr(importlib.import_module(f"{room}.{package._MODULES[name]}"), name)
        assert name not in {found.name for found in pkgutil.iter_modules(package.__path__)}


@pytest.mark.parametrize("room", lazy_rooms())
def test_types_know_the_same_names(room):
    """Type checkers read the imports that never run."""
    package = importlib.import_module(room)
    typed = re.findall(r"^    from ([\w.]+) import (\w+) as \2$", Path(package.__file__).read_text(), re.MULTILINE)
    assert {name: module for module, name in typed} == {
        name: f"{room}.{module}" for name, module in package._MODULES.items()
    }


def test_an_unknown_name_is_told():
    """As for any module."""
    with pytest.raises(ImportError, match=r"cannot import name 'JobOperators' from 'baton\.cronjobs'"):
        from baton.cronjobs import JobOperators  # noqa: F401


def test_a_public_name_costs_what_it_needs():
    """DAG files are parsed again and again: none of them pays for a client that its tasks load."""
    imports = [f"from {room} import {name}" for room, name, _ in ROWS if name not in NEEDS_KUBERNETES]
    assert printed(*imports, f"print([name for name in {CLIENTS!r} if name in sys.modules])") == "[]"


def test_a_room_alone_costs_nothing():
    """Not even Airflow."""
    assert printed(f"import {', '.join(lazy_rooms())}", "print('airflow' in sys.modules)") == "False"


def printed(*lines):
    """The last line that a fresh process prints, with the project on its path."""
    path = os.pathsep.join(str(PROJECT / name) for name in ("plugins", "include"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", "\n".join(["import sys", *lines])]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()[-1]


@pytest.mark.parametrize("name", re.findall(r"`(baton(?:\.\w+)+\.[A-Z]\w+)`", PAGE))
def test_a_stored_name_can_be_loaded(name):
    """By rows that an older version has written."""
    module, _, attribute = name.rpartition(".")
    assert EntryPoint("", f"{module}:{attribute}", "").load().__module__ == module


def test_each_trigger_and_timetable_is_on_the_page():
    """A new one is stored, too."""
    from airflow.timetables.base import Timetable
    from airflow.triggers.base import BaseTrigger

    for found in pkgutil.walk_packages(baton.__path__, "baton."):
        if found.name.endswith(("trigger", "timetable")) and "airflow_internals" not in found.name:
            importlib.import_module(found.name)
    kinds = [*descendants(BaseTrigger), *descendants(Timetable)]
    stored = {f"{kind.__module__}.{kind.__name__}" for kind in kinds if kind.__module__.startswith("baton.")}
    assert {name for name in stored if f"`{name}`" not in PAGE} == set()


def descendants(kind):
    """All its subclasses."""
    for each in kind.__subclasses__():
        yield each
        yield from descendants(each)


def test_dags_use_public_names_of_the_rooms_where_there_are_any():
    """They are the examples that people copy."""
    public = {name for _, name, _ in ROWS}
    old = [
        f"{file.name}: {line}"
        for file in sorted((PROJECT / "dags").rglob("*.py"))
        for line in file.read_text().splitlines()
        if (found := re.match(r"from (baton\.\w+\.\w[\w.]*) import (.+)", line))
        and public & {name.strip() for name in found[2].split(",")}
    ]
    assert old == []
