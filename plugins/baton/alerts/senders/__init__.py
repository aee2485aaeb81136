"""Who sends alerts, and how their bodies are read: one module for each, found by its name.

A module `name` answers at `POST /alerts/v1/name`; it gives `read(document)`, which makes a `Post` of the JSON that was
sent, or raises a `BodyError` that says what is wrong with it. A new sender is one new module.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from baton.alerts.payloads import BodyError, Post

Reader = Callable[[Any], Post]


def _found() -> dict[str, Reader]:
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}").read for name in names}


SENDERS: dict[str, Reader] = _found()
ENDPOINTS = tuple(SENDERS)


def read_body(body: bytes | bytearray, source: str) -> Post:
    """Read a body.

    :param source: the endpoint, one of `ENDPOINTS`.
    :raises BodyError: it is no JSON, or holds no alerts.
    """
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as err:
        raise BodyError(f"the body is no JSON: {str(err)[:200]}") from err
    return SENDERS[source](document)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
