"""Who may talk to the server: a client on this machine that knows the token, and no web page.

The order matters: a foreign ``Host`` (DNS rebinding) and an ``Origin`` (a browser) are refused before the token is
looked at, so that a page in the user's browser learns nothing. One ``Origin`` is allowed: this server's own, on a
websocket. The official Python client sends it with every exec; a web page cannot, since no page comes from here.
"""

from __future__ import annotations

import hmac
import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .errors import ApiError, PlainError, forbidden, unauthorized

_LOG = logging.getLogger(__name__)
PUBLIC = frozenset({"/readyz", "/livez", "/healthz", "/version"})
_HOSTS = frozenset({"127.0.0.1", "localhost", "kubernetes.default.svc", "kubernetes.default", "kubernetes"})


def check(request: web.Request, token: str) -> None:
    """Let a request pass or raise.

    :raises ApiError: 401 or 403.
    """
    if "Origin" in request.headers and not _is_own_websocket(request):
        raise forbidden("requests from web pages (with an Origin header) are refused")
    host = request.host.rsplit(":", 1)[0]
    if host not in _HOSTS:
        raise forbidden(f'requests to the host "{host}" are refused: this server is 127.0.0.1 only')
    if request.path not in PUBLIC and not _knows(request.headers.get("Authorization", ""), token):
        raise unauthorized()


def _is_own_websocket(request: web.Request) -> bool:
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    return upgrade and request.headers.get("Origin") == f"https://{request.host}"


def _knows(header: str, token: str) -> bool:
    scheme, _, sent = header.partition(" ")
    # In-cluster clients write "bearer" in lower case.
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())


def _refusal(err: ApiError) -> web.Response:
    if isinstance(err, PlainError):
        return web.Response(text=err.message, status=err.code)
    return web.json_response(err.status(), status=err.code)


def guard(token: str) -> Middleware:
    """The middleware: checks each request and turns refusals into ``Status`` answers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check(request, token)
            return await handler(request)
        except ApiError as err:
            return _refusal(err)
        except web.HTTPRequestEntityTooLarge:
            return _refusal(ApiError(413, "RequestEntityTooLarge", "limit is 3145728"))
        except Exception as err:
            if isinstance(err, web.HTTPException | ConnectionResetError):
                raise
            _LOG.exception("%s %s", request.method, request.path)
            return _refusal(ApiError(500, "InternalError", f"Internal error occurred: {err!r}"))

    return middleware
