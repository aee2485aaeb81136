"""Where code of ours touches Airflow: imports, names in texts, and what subclasses override or use of their bases."""

import ast
import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import airflow
from tests.unit.baton.airflow_internals.contract import PROJECT, attributes_of

import baton

DOOR = "baton.airflow_internals"
FOLDERS = {
    "plugins": "",
    "config": "",
    "dags": "dags.",
    "include/baton_local": "baton_local.",
}
"""Folder → what its modules are called here."""
PROMISED = {
    "airflow.sdk": "its __all__",
    "airflow.sdk.exceptions": "errors of tasks",
    "airflow.sdk.log": "masking of secrets",
    "airflow.sdk.timezone": "moments, for timetables",
    "airflow.exceptions": "public exceptions",
    "airflow.utils.state": "public utility classes",
    "airflow.triggers.base": "to be extended",
    "airflow.timetables.base": "to be extended",
    "airflow.timetables.trigger": "public timetables",
    "airflow.listeners": "to be extended",
    "airflow.plugins_manager": "to be extended",
    "airflow.config_templates.airflow_local_settings": "the documented start of a logging configuration",
}
"""Module → as what Airflow's page *Public Interface* and its guides name it."""
_PROVIDER = re.compile(r"airflow\.providers\.(\w+\.)+(hooks|operators|notifications|triggers|sensors)(\.\w+)+")
_MODULE_IN_TEXT = re.compile(r"airflow(\.[a-z_]+)+")
EXTENDED = ("BaseOperator", "BaseTrigger", "BaseHook", "BaseNotifier", "Timetable", "AirflowPlugin", "RetryPolicy")
"""Bases that Airflow offers to be extended: what they declare may be overridden and used."""


@dataclass(frozen=True, order=True)
class Use:
    """Something of Airflow that is not promised.

    :param ours: the module that uses it.
    :param module: Airflow's, with `name` in it: dotted, empty for the module itself.
    """

    ours: str
    module: str
    name: str

    def __str__(self):
        return f"{self.ours} uses {self.module}:{self.name}"


def is_promised(module, name):
    """Whether Airflow promises to keep a name in a module."""
    if name.startswith("_"):
        return False
    if module == "airflow.sdk":
        from airflow import sdk

        return name in sdk.__all__
    return module in PROMISED or _PROVIDER.fullmatch(module) is not None


def files():
    """Name of each module that may touch Airflow, and its file."""
    for folder, prefix in FOLDERS.items():
        for file in sorted((PROJECT / folder).rglob("*.py")):
            parts = file.relative_to(PROJECT / folder).with_suffix("").parts
            yield prefix + ".".join(parts).removesuffix(".__init__"), file


def imports():
    """Each import of something that is not promised, also in functions and by text; not those for types only."""
    for ours, file in files():
        yield from imports_of(ours, file.read_text())


def imports_of(ours, source):
    """The same of one module; of what it imports also the attributes that it names, as in `DagRun.state`."""
    known = {}
    for node in _nodes(ast.parse(source)):
        for module, name, as_name in _imported(node):
            if module.split(".")[0] == "airflow" and not is_promised(module, name):
                known[as_name] = (module, name)
                yield Use(ours, module, name)
    for node in _nodes(ast.parse(source)):
        base, path = _dotted(node)
        if base in known and path:
            module, name = known[base]
            length = 2 if path[0] == "c" else 1  # the columns of a table without a class
            yield Use(ours, module, ".".join(filter(None, [name, *path[:length]])))


def private_reads():
    """Private attributes that are none of ours."""
    trees = {ours: ast.parse(file.read_text()) for ours, file in files()}
    own = {name for tree in trees.values() for node in ast.walk(tree) for name in _defined(node)}
    for ours, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr not in own:
                yield Use(ours, "", node.attr)


def _is_private(name):
    return name.startswith("_") and not name.endswith("_")


def _defined(node):
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # __slots__, and fields by name
        yield node.value


def _dotted(node):
    path = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else ""), path


def _nodes(node):
    yield node
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child)


def _imported(node):
    """Module, name in it, and what it is called here."""
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            whole, called = f"{node.module}.{alias.name}", alias.asname or alias.name
            yield (whole, "", called) if _is_module(whole) else (node.module, alias.name, called)
    elif isinstance(node, ast.Import):
        yield from ((alias.name, "", alias.asname or alias.name) for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        module, _, name = node.value.partition(":")
        if _MODULE_IN_TEXT.fullmatch(module) and _is_module(module):
            yield module, name, ""


def _is_module(name):
    """Without importing it, as `find_spec` does with what it lies in."""
    if not name.startswith("airflow."):
        return False
    places = [Path(folder, *name.split(".")[1:]) for folder in airflow.__path__]
    return any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)


def modules():
    """All modules of the plugin, imported; not those that only Alembic can run, nor programs."""
    for found in pkgutil.walk_packages(baton.__path__, "baton."):
        if ".migrations." not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def inherited():
    """What our subclasses of Airflow's classes override or use of them without a promise."""
    for module in modules():
        for cls in vars(module).values():
            if inspect.isclass(cls) and cls.__module__ == module.__name__:
                yield from inherited_by(cls)


def inherited_by(cls):
    """The same of one class."""
    theirs = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "airflow"]
    if not theirs:
        return
    closed = [base for base in theirs if base.__name__ not in EXTENDED]
    offered = set(dir(object)).union(*(_declared(base) for base in theirs if base.__name__ in EXTENDED))
    used = set(re.findall(r"\b(?:self|super\(\))\.(\w+)", inspect.getsource(cls)))
    # `_Class__name`: what a base itself keeps on the class when it runs.
    names = {name for name in set(vars(cls)) | used if not re.match(r"__|_[A-Z]\w*?__", name)}
    for name in sorted(names - offered - {"log", "_abc_impl"}):
        for base in closed:
            if name in vars(base) or (name not in _parameters(base) and name in attributes_of(base)):
                owner = next(each for each in base.__mro__ if name in attributes_of(each))
                yield Use(cls.__module__, owner.__module__, f"{owner.__name__}.{name}")
                break


@cache
def _declared(base):
    """A private method of a base that may be extended is not promised either."""
    return {name for each in base.__mro__ for name in attributes_of(each) if not _is_private(name)}


@cache
def _parameters(cls):
    """What a class takes: of operators and triggers that is promised."""
    return {name for base in cls.__mro__ for name in inspect.signature(base.__init__).parameters}
