"""Label selectors as they stand in objects: ``matchLabels`` and ``matchExpressions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Selector = Mapping[str, Any]


def matches(selector: Selector | None, labels: Mapping[str, str] | None) -> bool:
    """Whether labels fit a selector; none at all fits nothing, an empty one everything."""
    if selector is None:
        return False
    have = labels or {}
    wanted = selector.get("matchLabels") or {}
    return all(have.get(key) == value for key, value in wanted.items()) and all(
        _fits(expression, have) for expression in selector.get("matchExpressions") or []
    )


def _fits(expression: Mapping[str, Any], have: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    results = {
        "In": key in have and have[key] in values,
        "NotIn": have.get(key) not in values,
        "Exists": key in have,
        "DoesNotExist": key not in have,
    }
    return results.get(expression["operator"], False)
