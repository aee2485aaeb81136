"""What is asked of every request: the flags of its query as the real server reads them, and who sent it."""

from __future__ import annotations

from aiohttp import web

from .access.users import User

USER = "user"


def flag(request: web.Request, name: str) -> bool:
    """A boolean: whatever is there and not ``false`` or ``0`` is true; the Python client writes ``True``."""
    return name in request.query and request.query[name].lower() not in ("false", "0")


def user_of(request: web.Request) -> User:
    """Who sent the request, as the guard has found out."""
    user: User = request[USER]
    return user
