"""What of a function's answer Airflow's XCom takes.

Why before it is returned: an XCom that is refused fails the task after its work was done and its state forgotten, and
its next try would call the function again.
"""

from __future__ import annotations

import math
from typing import Any

from baton.functions.call import UnusableAnswerError
from baton.shallow_json import DEEPEST

RESERVED = ("__classname__", "__id__", "__type", "__var")
"""Keys by which Airflow tells its own objects from data."""
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1
"""What a worker can hand over to its supervisor."""


def xcom_value(result: Any) -> Any:
    """Return an answer that XCom takes.

    :raises UnusableAnswerError: it does not; the message says what of it, and quotes nothing.
    """
    level, depth = [result], 0
    while level:
        if depth > DEEPEST:
            raise _unusable(f"more than {DEEPEST} levels of lists and objects")
        for value in level:
            if (fault := _fault(value)) is not None:
                raise _unusable(fault)
        level = [inner for value in level for inner in _inside(value)]
        depth += 1
    return result


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _fault(value: Any) -> str | None:
    if isinstance(value, str):
        return _fault_of_text(value)
    if isinstance(value, dict) and not value.keys().isdisjoint(RESERVED):
        return f"an object with a key of Airflow's own ({', '.join(RESERVED)})"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that is too large"
    if isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return "an integer of more than 64 bits"
    return None


def _fault_of_text(text: str) -> str | None:
    if "\0" in text:
        return "the character NUL, which PostgreSQL takes in no text"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "half of a surrogate pair, which is no character"
    return None


def _unusable(fault: str) -> UnusableAnswerError:
    return UnusableAnswerError(f"the function has answered, but its answer holds {fault}: let it answer without")
