"""Who may talk to the server: a client on this machine with a token, as far as its Roles allow, and no web page.

Whoever has the kubeconfig's token may do everything; an account's token gives what its Roles give.

The order matters: a foreign ``Host`` (DNS rebinding) and an ``Origin`` (a browser) are refused before the token is
looked at, so that a page in the user's browser learns nothing. One ``Origin`` is allowed: this server's own, on a
websocket. The official Python client sends it with every exec; a web page cannot, since no page comes from here.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .access import attributes
from .access.attributes import Attributes
from .access.use import Access
from .access.users import ADMIN, AUTHENTICATED, USER, User, account_user
from .errors import ApiError, PlainError, forbidden, unauthorized

_LOG = logging.getLogger(__name__)
PUBLIC = frozenset({"/readyz", "/livez", "/healthz", "/version"})
_HOSTS = frozenset({"127.0.0.1", "localhost", "kubernetes.default.svc", "kubernetes.default", "kubernetes"})


def check(request: web.Request, token: str, access: Access) -> None:
    """Let a request pass or raise.

    :raises ApiError: 401 or 403.
    """
    if "Origin" in request.headers and not _is_own_websocket(request):
        raise forbidden("requests from web pages (with an Origin header) are refused")
    host = request.host.rsplit(":", 1)[0]
    if host not in _HOSTS:
        raise forbidden(f'requests to the host "{host}" are refused: this server is 127.0.0.1 only')
    if request.path in PUBLIC:
        return
    user = _user(request.headers.get("Authorization", ""), token, access)
    if user is None:
        raise unauthorized()
    wanted = attributes.of(request)
    request[USER] = user = _impersonated(request, user, wanted, access)
    allowed = access.rbac.allows(user, wanted) is not None
    access.uses.note(user, wanted, allowed=allowed)
    if not allowed:
        raise attributes.refusal(user, wanted)


def _impersonated(request: web.Request, user: User, wanted: Attributes, access: Access) -> User:
    """Who the request shall count as, if its sender may say so (``kubectl --as``)."""
    name = request.headers.get("Impersonate-User")
    if not name:
        return user
    if not user.is_master:
        raise attributes.refusal(user, replace(wanted, verb=f"impersonate-on:user-info:{wanted.verb}"))
    groups = tuple(request.headers.getall("Impersonate-Group", []))
    other = User(name, (*groups, AUTHENTICATED))
    return account_user(*other.account) if other.account else other


def _is_own_websocket(request: web.Request) -> bool:
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    return upgrade and request.headers.get("Origin") == f"https://{request.host}"


def _user(header: str, token: str, access: Access) -> User | None:
    scheme, _, sent = header.partition(" ")
    if scheme.lower() != "bearer":  # in-cluster clients write it in lower case
        return None
    if hmac.compare_digest(sent.strip().encode(), token.encode()):
        return ADMIN
    return access.tokens.user(sent.strip())


def _refusal(err: ApiError) -> web.Response:
    if isinstance(err, PlainError):
        return web.Response(text=err.message, status=err.code)
    return web.json_response(err.status(), status=err.code)


def guard(token: str, access: Access) -> Middleware:
    """The middleware: checks each request and turns refusals into ``Status`` answers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check(request, token, access)
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
