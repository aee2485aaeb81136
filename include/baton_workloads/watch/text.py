"""Texts that were made elsewhere, so that every channel can carry them: no lone surrogates, and cut to a length.

Of a log or an error the end is kept, as its last words hold the reason; of a headline the beginning. What was cut is
marked. A cut never falls inside what a person sees as one sign.
Source: https://www.unicode.org/reports/tr29/, the rules for extending characters, joiners, flags and conjoining jamo.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

MARK = "…"
MAX_SIGN_LENGTH = 64
"""Characters; whoever stacks more accents than that is cut within them."""
JOINER = "\u200d"


def clean(text: str) -> str:
    """A text that can be encoded: half of a surrogate pair, which JSON can hold, becomes ``?``."""
    return text.encode("utf-8", "replace").decode()


def clean_json(value: Any) -> Any:
    """JSON whose texts can all be encoded."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): clean_json(item) for name, item in value.items()}
    return value


def end_of(text: str, limit: int, escaped: Callable[[str], str] = str) -> str:
    """The end of a text, within a number of UTF-16 units, behind a mark where something was cut.

    :param escaped: what will be done to each character; its result is what is counted.
    """
    if _units(escaped(text)) <= limit:
        return text
    left, start = limit - _units(MARK), len(text)
    while start and (left := left - _units(escaped(text[start - 1]))) >= 0:
        start -= 1
    near = range(start, min(start + MAX_SIGN_LENGTH, len(text)))
    none = start if len(near) == MAX_SIGN_LENGTH else len(text)
    return MARK + text[next((place for place in near if not _continues(text, place)), none) :]


def beginning_of(text: str, limit: int, escaped: Callable[[str], str] = str) -> str:
    """The beginning of a text, within a number of UTF-16 units, before a mark where something was cut."""
    if _units(escaped(text)) <= limit:
        return text
    left, end = limit - _units(MARK), 0
    while end < len(text) and (left := left - _units(escaped(text[end]))) >= 0:
        end += 1
    near = range(end, max(end - MAX_SIGN_LENGTH, 0), -1)
    none = end if len(near) == MAX_SIGN_LENGTH else 0
    return text[: next((place for place in near if not _continues(text, place)), none)] + MARK


def _units(text: str) -> int:
    """Its length as JavaScript and most web services count it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _continues(text: str, place: int) -> bool:
    """Whether the character at a place belongs to the sign before it."""
    if not 0 < place < len(text):
        return False
    sign, before = text[place], text[place - 1]
    if sign == "\n":
        return before == "\r"
    if _is_flag_half(sign):
        first = place
        while first and _is_flag_half(text[first - 1]):
            first -= 1
        return (place - first) % 2 == 1
    return before == JOINER or sign == JOINER or _extends(sign)


def _is_flag_half(sign: str) -> bool:
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def _extends(sign: str) -> bool:
    return (
        unicodedata.category(sign).startswith("M")
        or "\U0001f3fb" <= sign <= "\U0001f3ff"  # tones of skin
        or "\U000e0020" <= sign <= "\U000e007f"  # tags of regional flags
        or "\u1160" <= sign <= "\u11ff"  # vowels and ends of Korean syllables
    )
