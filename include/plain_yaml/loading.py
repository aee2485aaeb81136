"""A document as plain Python values, or one error that says where it cannot be read."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from .limits import check

_TIMESTAMP, _MERGE = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge"


class UnreadableError(ValueError):
    """A text is no YAML, or beyond the limits.

    :param line: counted from 1; None where it is not known.
    :param problem: may quote names and values of the text.
    """

    def __init__(self, line: int | None, problem: str) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.line, self.problem = line, problem


class PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Dates stay texts, so that a file and its JSON form mean the same; a key given twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if (key.tag, key.value) in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value} is given twice", problem_mark=key.start_mark)
                seen.add((key.tag, key.value))
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str | bytes, loader: type[Any] = PlainLoader) -> Any:
    """The one document of a text; None for an empty one.

    :param loader: one of PyYAML's safe loaders.
    :raises UnreadableError: whatever is wrong with it.
    """
    try:
        check(text)
        return yaml.load(text, loader)  # noqa: S506  (a safe loader, as is said above)
    except yaml.YAMLError as err:
        raise UnreadableError(*where(err)) from err
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as err:  # of tags: !!int text
        raise UnreadableError(None, f"a value cannot be read: {err}") from err


def where(err: yaml.YAMLError) -> tuple[int | None, str]:
    """The line, counted from 1, and what is wrong there, in one line."""
    mark = getattr(err, "problem_mark", None) or getattr(err, "context_mark", None)
    problem = getattr(err, "problem", None) or getattr(err, "context", None) or str(err)
    return (mark.line + 1 if mark else None), " ".join(str(problem).split())[:300]
