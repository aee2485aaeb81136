"""YAML with line numbers, so that a wrong policy is pointed at where it stands."""

from pathlib import Path
from typing import Any

import yaml

from baton_workloads.errors import ConfigurationError, DataError


class _Plain(yaml.SafeLoader):
    """Dates stay text, so that a file and its JSON form mean the same; a key given twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class YamlText:
    """One YAML document: its content, and the line of each key."""

    def __init__(self, file: Path) -> None:
        """Read and parse.

        :raises DataError: no YAML, with the line.
        """
        try:
            source = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as err:
            raise ConfigurationError(f"{file} cannot be read: {type(err).__name__}") from err
        try:
            self._root = yaml.compose(source, _Plain)
            self.content = yaml.load(source, _Plain)  # noqa: S506  (a SafeLoader with less in it)
        except yaml.MarkedYAMLError as err:
            line = err.problem_mark.line + 1 if err.problem_mark else 1
            raise DataError(f"{file}:{line}: {err.problem}") from err
        except RecursionError as err:
            raise DataError(f"{file}: it is nested too deeply, or an alias is its own part") from err
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as err:  # of tags: !!int text
            raise DataError(f"{file}: no YAML that can be read") from err

    def line(self, keys: list[str]) -> int:
        """Give the line of the deepest of the nested keys that exists."""
        node, line = self._root, 1
        for key in keys:
            found = _child(node, key)
            if found is None:
                continue  # a part of the location that names a kind of rule, not a key
            line, node = found
        return line


def _child(node: yaml.Node | None, key: str) -> tuple[int, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    for name, value in node.value:
        if name.value == key:
            return name.start_mark.line + 1, value
    return None
