"""Values as files that are attached to a mail."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from baton.exceptions import PermanentError

MAX_BYTES = 10_000_000
"""Base64 makes a third more of it, and many servers refuse mails above 20 MB."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def file_content(name: str, value: Any) -> tuple[bytes, str]:
    """The content of a file and its kind of text, by the end of its name.

    :raises PermanentError: the value is none that fits the name, or too large.
    """
    kind = name.rpartition(".")[2]
    content = {"csv": _csv, "json": _json, "txt": _plain}[kind](name, value).encode()
    if len(content) > MAX_BYTES:
        raise PermanentError(f"{name} has {len(content):,} bytes: at most {MAX_BYTES:,} are attached")
    return content, "plain" if kind == "txt" else kind


def _csv(name: str, value: Any) -> str:
    """Rows as RFC 4180 has them. A text that a spreadsheet would compute gets a quote in front, as OWASP advises."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise PermanentError(f"{name} wants rows, such as a query gives")
    columns = list(dict.fromkeys(column for row in value for column in row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in value)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    is_formula = isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value)
    return f"'{value}" if is_formula else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json(name: str, value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _plain(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise PermanentError(f"{name} wants a text")
    return value
