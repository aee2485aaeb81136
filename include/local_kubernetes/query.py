"""The query of a request, as the real server reads it."""

from __future__ import annotations

from aiohttp import web


def flag(request: web.Request, name: str) -> bool:
    """A boolean: whatever is there and not ``false`` or ``0`` is true; the Python client writes ``True``."""
    return name in request.query and request.query[name].lower() not in ("false", "0")
