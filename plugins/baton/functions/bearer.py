"""An HTTP gateway with a bearer token: POST `https://workspace.gateway/NAME`.

An asynchronous call asks for it by `Prefer: respond-async` and is answered 202, with a `Location` to ask at, a callback
to `X-Callback-Url`, or neither.
Source: RFC 7240, 4.1.
"""

from __future__ import annotations

from urllib.parse import quote

from baton.functions.call import Call
from baton.functions.http_protocol import HttpProtocol


class GatewayProtocol(HttpProtocol):
    """A gateway that has a path for each function."""

    takes_callbacks = True

    def path(self, call: Call) -> str:
        """Return the path: the function's name."""
        return f"/{quote(call.function, safe='')}"

    def headers(self, call: Call) -> dict[str, str]:
        """Add the wish to be answered later."""
        wish = {"Prefer": "respond-async"} if call.asynchronous else {}
        return super().headers(call) | wish
