"""Call functions wherever they run; the connection says where, how and as whom."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import BaseHook

from baton.exceptions import PermanentError
from baton.functions.call import ACCEPTED, Call, Reply, UnavailableError
from baton.functions.call_retries import CallRetries
from baton.functions.deadline import LOST_SECONDS, look_until_there

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from baton.functions.http_protocol import Endpoint
    from baton.functions.protocol import Protocol

CONNECTION = "functions_default"
RESPONSE_LIMIT_BYTES = 64 * 1024
"""A result travels through Airflow's database: more than this is data, and belongs into a store."""
PROTOCOLS = ("openfaas", "bearer", "cloudevents", "cloudevents-structured")


class FunctionHook(BaseHook):
    """Call functions through one connection.

    A connection of type `aws` speaks AWS Lambda. One of type `http` names its protocol in the extra field `protocol`:

    - `openfaas`: `/function/NAME`, `/async-function/NAME`; login and password, or a token alone as the password.
    - `bearer`: POST to `/NAME` with the password as bearer token.
    - `cloudevents`, `cloudevents-structured`: the same as a CloudEvent, for Knative; extra `source`, `event_type`.

    `{function}` in the host is replaced by the function's name, for gateways with a host for each. Extra `ca_file`
    names the certificates to trust.

    :param function_conn_id: the connection.
    :param response_limit_bytes: largest answer that is read.
    :param connections: at the same time.
    """

    def __init__(
        self,
        function_conn_id: str = CONNECTION,
        *,
        response_limit_bytes: int = RESPONSE_LIMIT_BYTES,
        connections: int = 100,
    ) -> None:
        super().__init__()
        self.function_conn_id = function_conn_id
        self.response_limit_bytes = response_limit_bytes
        self.connections = connections
        self._protocol: Protocol | None = None

    async def __aenter__(self) -> Self:
        """Read the connection and open what is shared by the calls."""
        connection = await asyncio.to_thread(self.get_connection, self.function_conn_id)
        self._protocol = await self._make(connection).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        if self._protocol is not None:
            await self._protocol.__aexit__(kind, error, traceback)

    @property
    def protocol(self) -> Protocol:
        """The protocol, between `__aenter__` and `__aexit__`."""
        if self._protocol is None:
            raise RuntimeError("use the hook as an asynchronous context manager")
        return self._protocol

    async def call(
        self, call: Call, call_retries: CallRetries, is_answered: Callable[[], bool] = lambda: False
    ) -> Reply:
        """Make a call, again where that is safe and may help.

        :param is_answered: looks whether an answer was posted, though no reply came; it is as good as one that says
            "accepted". Blocks.
        :raises PermanentError: it was refused, or it is not known whether it ran.
        :raises TransientError: its retries are used up.
        """
        if call.callback_url:
            self.check_callbacks()

        async def look() -> Reply | None:
            return Reply(ACCEPTED) if await asyncio.to_thread(is_answered) else None

        async def send() -> Reply:
            try:
                return await look() or await self.protocol.send(call)
            except UnavailableError as err:
                seconds = LOST_SECONDS if err.lost and call.callback_url else 0.0
                if (accepted := await look_until_there(look, seconds)) is None:
                    raise
                return accepted

        return await call_retries.call(send)

    def check_callbacks(self) -> None:
        """Whether answers can be posted to us.

        :raises PermanentError: this kind of gateway posts none: who waited for one would call again and again.
        """
        if not self.protocol.takes_callbacks:
            raise PermanentError(
                f"connection {self.function_conn_id}: this kind of gateway posts no callbacks; call it synchronously"
            )

    async def ask(self, call: Call, location: str, call_retries: CallRetries) -> Reply | None:
        """Ask what became of an accepted call; None while it is under way."""
        return await call_retries.call(lambda: self.protocol.ask(call, location))

    def _make(self, connection: Connection) -> Protocol:
        from baton.functions.aws_lambda import LambdaProtocol
        from baton.functions.bearer import GatewayProtocol
        from baton.functions.cloud_events import EVENT_TYPE, SOURCE, CloudEventsProtocol
        from baton.functions.openfaas import OpenFaasProtocol

        if connection.conn_type == "aws":
            return LambdaProtocol(self.function_conn_id, self.response_limit_bytes, self.connections)
        extra = connection.extra_dejson
        protocol = extra.get("protocol")
        shared = (endpoint_of(connection), self.response_limit_bytes, self.connections)
        if protocol == "openfaas":
            return OpenFaasProtocol(*shared)
        if protocol == "bearer":
            return GatewayProtocol(*shared)
        if protocol in ("cloudevents", "cloudevents-structured"):
            return CloudEventsProtocol(
                *shared,
                structured=protocol == "cloudevents-structured",
                source=extra.get("source", SOURCE),
                event_type=extra.get("event_type", EVENT_TYPE),
            )
        raise PermanentError(
            f"connection {self.function_conn_id}: set `protocol` in its extra to one of {', '.join(PROTOCOLS)}, "
            "or its type to aws for Lambda"
        )


def endpoint_of(connection: Connection) -> Endpoint:
    """Read address and credentials from a connection of type `http`.

    :raises PermanentError: it has no host.
    """
    from baton.functions.http_protocol import Endpoint

    extra = connection.extra_dejson
    headers: dict[str, str] = {}
    if connection.login:
        pair = f"{connection.login}:{connection.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif connection.password:
        headers["Authorization"] = f"Bearer {connection.password}"
    return Endpoint(address_of(connection), headers, extra.get("ca_file"))


def address_of(connection: Any) -> str:
    """Return scheme, host and port of a connection of type `http`, and the path that its host may have.

    :raises PermanentError: it has no host.
    """
    host = (connection.host or "").rstrip("/")
    if not host:
        raise PermanentError(f"connection {connection.conn_id} names no host")
    if "://" in host:
        scheme, host = host.split("://", 1)
    else:
        scheme = connection.schema or "http"
    name, slash, path = host.partition("/")
    return f"{scheme}://{name}{f':{connection.port}' if connection.port else ''}{slash}{path}"
