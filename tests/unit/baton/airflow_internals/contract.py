"""What docs/airflow-internals.md says that Baton relies on, and whether the installed Airflow still has it.

A line of a `contract` block names one thing: `module:Class.attribute`; with `(a, b)` if these are all its parameters
(without `self`), with `(a, b, ...)` if it takes at least these and demands no others.
"""

import importlib
import inspect
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

PROJECT = Path(__file__).parents[4]
PAGE = PROJECT / "docs" / "airflow-internals.md"
FIELDS = ("Ours", "Why", "Since", "Switched off", "Tests")
_SECTION = re.compile(r"^### (?P<name>[a-z0-9-]+)\n(?P<text>.*?)(?=^#{2,3} |\Z)", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^- \*\*(?P<name>[A-Z][a-z ]+):\*\* (?P<text>.*?)(?=^- \*\*|^```|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```contract\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"(?P<module>[\w.]+)(:(?P<path>[\w.]+)(\((?P<parameters>[^)]*)\))?)?")


class AirflowChangedError(Exception):
    """Airflow has not what we rely on."""


@dataclass(frozen=True)
class Touch:
    """A section of the page."""

    name: str
    text: str

    @cached_property
    def fields(self):
        """Name of the field → its text."""
        return {found["name"]: " ".join(found["text"].split()) for found in _FIELD.finditer(self.text)}

    @cached_property
    def lines(self):
        """The lines of its contract."""
        return [line for block in _BLOCK.findall(self.text) for line in block.splitlines() if line]

    @cached_property
    def ours(self):
        """The modules of ours that rely on it."""
        return set(re.findall(r"`([\w.]+)`", self.fields.get("Ours", "")))

    @property
    def names(self):
        """Module and dotted name of each line, without parameters."""
        return {(found["module"], found["path"] or "") for found in map(_LINE.fullmatch, self.lines)}

    def broken(self):
        """What Airflow has changed, one message for each line."""
        return [f"Airflow changed {line}: {why}; see docs/{PAGE.name}#{self.name}" for line, why in self._whys() if why]

    def _whys(self):
        return [(line, why_broken(line)) for line in self.lines]


def read_touches(page=PAGE):
    """All sections of the page."""
    return [Touch(found["name"], found["text"]) for found in _SECTION.finditer(page.read_text())]


def why_broken(line):
    """Say what is wrong with a line, empty if nothing is."""
    try:
        _check(line)
    except AirflowChangedError as err:
        return str(err)
    return ""


def _check(line):
    found = _LINE.fullmatch(line)
    if not found:
        raise AirflowChangedError("the line cannot be read")
    try:
        thing = importlib.import_module(found["module"])
    except ImportError as err:
        raise AirflowChangedError(f"the module cannot be imported ({err})") from err
    if found["path"]:
        for name in found["path"].split("."):
            thing = _attribute(thing, name)
    if found["parameters"] is not None:
        _check_parameters(thing, [name.strip() for name in found["parameters"].split(",") if name.strip()])


def _attribute(owner, name):
    mapper = getattr(owner, "__mapper__", None)
    if mapper is not None and name not in mapper.attrs and not hasattr(owner, name):
        raise AirflowChangedError(f"table {owner.__tablename__} has no column {name}")
    columns = getattr(owner, "c", None)
    if columns is not None and name == "c":
        return columns
    try:
        is_plain_class = inspect.isclass(owner) and mapper is None
        return inspect.getattr_static(owner, name) if is_plain_class else getattr(owner, name)
    except AttributeError as err:
        if inspect.isclass(owner) and name in attributes_of(owner):
            return None
        raise AirflowChangedError(f"there is no {name}") from err


@cache
def attributes_of(owner):
    """What instances of a class have: declared, or assigned in its methods or those of its bases."""
    return frozenset().union(*(_own_attributes(cls) for cls in inspect.getmro(owner)))


@cache
def _own_attributes(cls):
    found = set(vars(cls)) | set(inspect.get_annotations(cls))
    if cls.__module__.partition(".")[0] != "builtins":
        try:
            found |= set(re.findall(r"\bself\.(\w+)\b[^=\n(]*=[^=]", inspect.getsource(cls)))
        except (OSError, TypeError):
            return found
    return found


def _check_parameters(thing, wanted):
    if isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    parameters = dict(inspect.signature(inspect.unwrap(thing)).parameters)
    for own in ("self", "cls"):
        parameters.pop(own, None)
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    named = {
        name: each for name, each in parameters.items() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    }
    at_least, names = "..." in wanted, [name for name in wanted if name != "..."]
    if missing := [name for name in names if name not in named and not takes_any]:
        raise AirflowChangedError(f"it has no parameter {', '.join(missing)}")
    more = [name for name, each in named.items() if name not in names]
    if at_least:
        more = [name for name in more if named[name].default is inspect.Parameter.empty]
    if more:
        raise AirflowChangedError(f"it has {'also to be given' if at_least else 'also'} {', '.join(more)}")
