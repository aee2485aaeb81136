"""What databases give, as JSON has it: exact, and the same before and after it was stored."""

from __future__ import annotations

import base64
import math
from datetime import date, datetime, time, timedelta
from typing import Any


def plain_json(value: Any) -> Any:
    """A value of JSON. Decimals and moments become texts, which lose nothing; bytes base64; NaN is a text, too."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dict):
        return {str(key): plain_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(each) for each in value]
    return str(value)  # Decimal, UUID, network addresses, ranges …
