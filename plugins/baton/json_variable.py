"""Data that travels into a pod as the JSON value of an environment variable."""

from __future__ import annotations

import json
import re
from typing import Any

_TEMPLATE_BRACE = re.compile(r"\{(?=[{%#])")  # in JSON these pairs can only stand inside a string


def json_variable(value: Any) -> str:
    """Return a value as JSON that Jinja leaves as it is.

    Why escaped: environment variables are templated, and a text in the data may look like a template.
    """
    return _TEMPLATE_BRACE.sub(r"\\u007b", json.dumps(value, sort_keys=True, ensure_ascii=False))
