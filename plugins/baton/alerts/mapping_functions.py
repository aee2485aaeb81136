"""What expressions of mappings know beyond JMESPath's own functions: reading texts that hold more than one value."""

from __future__ import annotations

import json
from typing import Any

from jmespath import functions

_OPTIONS: Any = {"types": ["string", "null"]}


class MappingFunctions(functions.Functions):  # type: ignore[misc]  # JMESPath has no types
    """Functions that a mapping may use, besides those of JMESPath."""

    @functions.signature(_OPTIONS)  # type: ignore[untyped-decorator]
    def _func_from_json(self, text: str | None) -> Any:
        """The value of a text that is JSON, as SNS and EventBridge put it into an envelope; null if it is none."""
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            return None

    @functions.signature({"types": ["string", "null", "array"]})  # type: ignore[untyped-decorator]
    def _func_tags(self, found: Any) -> dict[str, str]:
        """An object of `name:value` or `name=value`: of a text with commas or of a list; also of `{name, value}`."""
        entries = found.split(",") if isinstance(found, str) else found or []
        return dict(pair for entry in entries if (pair := _tag(entry)) is not None)

    @functions.signature(_OPTIONS)  # type: ignore[untyped-decorator]
    def _func_lower(self, text: str | None) -> str | None:
        """A text in lower case."""
        return text.lower() if text is not None else None

    @functions.signature(_OPTIONS, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_split(self, text: str | None, separator: str) -> list[str]:
        """The parts of a text."""
        return text.split(separator) if text and separator else []


def _tag(entry: object) -> tuple[str, str] | None:
    if isinstance(entry, list) and len(entry) == 2:
        return str(entry[0]), str(entry[1])
    if isinstance(entry, dict):
        lower = {str(name).lower(): value for name, value in entry.items()}
        name, value = lower.get("name", lower.get("key", lower.get("tag"))), lower.get("value", "")
        return (str(name), str(value)) if isinstance(name, str) and isinstance(value, str | int | float) else None
    if not isinstance(entry, str) or not entry.strip():
        return None
    text = entry.strip()
    at = min((found for sign in ":=" if (found := text.find(sign)) > 0), default=-1)
    return (text, "true") if at < 0 else (text[:at], text[at + 1 :].strip())
