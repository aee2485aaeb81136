"""How deep an object may be nested: what is done with it later walks through it by recursion."""

from __future__ import annotations

from typing import Any

from plain_yaml.limits import MAX_DEPTH

TOO_DEEP = "exceeded max depth"
"""No kind comes near the limit, which YAML has too; a real server gives up at 10,000 levels, with the same words."""


def is_too_deep(value: Any) -> bool:
    """Say whether something read from JSON or YAML has more levels than YAML may have."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in values if isinstance(each, dict | list)]
