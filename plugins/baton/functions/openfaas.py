"""OpenFaaS: `/function/NAME` answers, `/async-function/NAME` accepts and posts the answer to `X-Callback-Url`.

Source: https://docs.openfaas.com/reference/async/
"""

from __future__ import annotations

from urllib.parse import quote

from baton.functions.call import Call
from baton.functions.http_protocol import HttpProtocol


class OpenFaasProtocol(HttpProtocol):
    """An OpenFaaS gateway."""

    takes_callbacks = True

    def path(self, call: Call) -> str:
        """Return the route, synchronous or asynchronous."""
        return f"/{'async-function' if call.asynchronous else 'function'}/{quote(call.function, safe='.')}"
