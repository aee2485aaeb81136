"""JSON that is walked through by recursion later: a result on its way to XCom."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 100
"""Levels of lists and objects; Airflow's serialisation gives up at several hundred, after the work was done."""


def shallow_json(text: str) -> Any:
    """Return a JSON value of at most `DEEPEST` levels.

    :raises ValueError: it is no JSON, or deeper.
    """
    try:
        value = json.loads(text)
    except RecursionError as err:
        raise _too_deep() from err
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return value
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it has more than {DEEPEST} levels of lists and objects")


def _inside(value: Any) -> list[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in values if isinstance(each, dict | list)]
