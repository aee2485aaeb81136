"""What a YAML value without quotes is to Kubernetes, which PyYAML takes for something else now and then.

To Kubernetes' reader ``y`` is a truth value, ``1e3`` and ``08`` are numbers; ``2024-01-31``, ``22:22`` and ``=`` are
texts. Source: sigs.k8s.io/yaml, whose goyaml.v2 reads YAML 1.1 with these exceptions, and what its way over JSON makes
of keys and of numbers without a fraction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any, ClassVar

import yaml

_TAG = "tag:yaml.org,2002:"
_BOOL, _INT, _FLOAT, _NULL, _MERGE, _STR = (
    f"{_TAG}{name}" for name in ("bool", "int", "float", "null", "merge", "str")
)
_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_RESOLVERS = [
    (_BOOL, re.compile(f"^(?:{'|'.join((*_TRUE, *_FALSE))})$")),
    (_INT, re.compile(r"^[-+]?(?:0b[0-1_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$")),
    (_FLOAT, re.compile(r"^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$")),
    (_FLOAT, re.compile(r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")),
    (_NULL, re.compile(r"^(?:~|null|Null|NULL|)$")),
    (_MERGE, re.compile(r"^<<$")),
]
_EXACT = 2**53


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Keys are texts (``on`` is ``true``, ``0x10`` is ``16``), a key given twice is refused."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, Any]] = {None: _RESOLVERS}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                key.value, key.tag = self._key(key), _STR
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value} is given twice", problem_mark=key.start_mark)
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=True)
        return mapping

    def _key(self, node: yaml.ScalarNode) -> str:
        value = self.construct_object(yaml.ScalarNode(node.tag, node.value))  # what is made of a node is kept with it
        if isinstance(value, bool | int):
            return json.dumps(value)
        return f"{value:g}" if isinstance(value, float) else str(node.value)

    def construct_yaml_bool(self, node: yaml.ScalarNode) -> bool:
        if node.value not in (*_TRUE, *_FALSE):
            raise yaml.MarkedYAMLError(problem=f"{node.value!r} is no truth value", problem_mark=node.start_mark)
        return node.value in _TRUE

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value: float = super().construct_yaml_float(node)
        return int(value) if value.is_integer() and abs(value) < _EXACT else value


Loader.add_constructor(_BOOL, Loader.construct_yaml_bool)
Loader.add_constructor(_FLOAT, Loader.construct_yaml_float)
Loader.add_constructor(_MERGE, Loader.construct_yaml_str)


class TextLoader(Loader):
    """For Baton's own files, in which whatever is not empty is a text: a chain may be called `n`, an item `2026`."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, Any]] = {
        None: [(tag, pattern) for tag, pattern in _RESOLVERS if tag in (_NULL, _MERGE)]
    }

    def _key(self, node: yaml.ScalarNode) -> str:
        return str(node.value)


class Dumper(yaml.SafeDumper):
    """Puts into quotes what either reader would take for something else than a text."""


for _tag, _pattern in _RESOLVERS:
    Dumper.add_implicit_resolver(_tag, _pattern, None)
