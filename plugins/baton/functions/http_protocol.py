"""What all gateways with plain HTTP have in common: the session, sending, the meaning of status and headers."""

from __future__ import annotations

import email.utils
import math
import re
import ssl
import string
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

from baton.functions.call import (
    ACCEPTED,
    Call,
    RefusedError,
    Reply,
    UnavailableError,
    UnusableAnswerError,
    check_status,
    too_large,
)
from baton.functions.deadline import within
from baton.functions.protocol import Protocol
from baton.functions.truncated_answer import TruncatedAnswerError, check_end, has_length, unpack

CONNECT_SECONDS = 10
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """Where a gateway is and how callers name themselves; made from an Airflow connection.

    :param url: with scheme, without a slash at the end; `{function}` in it is replaced by the function's name.
    :param headers: for each request, `Authorization` among them.
    :param ca_file: certificates of the authorities to trust, beside none other; None for the system's.
    """

    url: str
    headers: Mapping[str, str]
    ca_file: str | None = None


class HttpProtocol(Protocol):
    """A gateway that is reached by POST.

    :param response_limit_bytes: largest answer that is read.
    :param connections: at the same time.
    """

    def __init__(self, endpoint: Endpoint, response_limit_bytes: int, connections: int = 100) -> None:
        self.endpoint = endpoint
        self.response_limit_bytes = response_limit_bytes
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session.

        :raises RefusedError: the certificates to trust cannot be read.
        """
        ca_file = self.endpoint.ca_file
        try:
            tls = ssl.create_default_context(cafile=ca_file) if ca_file else True
        except OSError as err:
            raise RefusedError(f"ca_file {ca_file} cannot be read: {err.strerror or type(err).__name__}") from err
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=tls)
        # No cookies: one function's answer must not change the next call. No proxies from the environment either.
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", **self.endpoint.headers},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    @abstractmethod
    def path(self, call: Call) -> str:
        """Return the path of a call, with a leading slash."""

    def headers(self, call: Call) -> dict[str, str]:
        """Return the headers of a call."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Idempotency-Key": call.key,
            "X-Call-Id": call.call_id,
        }
        if call.callback_url:
            headers["X-Callback-Url"] = call.callback_url
        return headers

    def body(self, call: Call) -> bytes:
        """Return the body of a call."""
        return call.body

    def reply(self, reply: Reply) -> Reply:
        """Take an envelope off an answer, where the protocol has one."""
        return reply

    def url(self, call: Call) -> str:
        """Return the address of a call.

        :raises RefusedError: its function's name would be taken for a way upwards, or is none.
        """
        if not call.function.strip("."):
            raise RefusedError(f"{call.function!r} is not the name of a function")
        name = quote(call.function, safe="")
        base = self.endpoint.url
        return base.replace("{function}", name) if "{function}" in base else base + self.path(call)

    async def send(self, call: Call) -> Reply:
        """Make a call once; see `Protocol.send`."""
        reply = await self._request("POST", self.url(call), call, self.headers(call), self.body(call))
        return reply if call.asynchronous and reply.status == ACCEPTED else self.reply(reply)

    async def ask(self, call: Call, location: str) -> Reply | None:
        """Ask once what became of an accepted call; None while it is under way.

        :raises RefusedError: the address is none, or lies elsewhere than the gateway: the token would go there.
        """
        try:
            url = urljoin(self.url(call), location)
            is_ours = _origin(url) == _origin(self.url(call))
        except ValueError:
            raise RefusedError(f"the gateway of function {call.function} names a status address that is none") from None
        if not is_ours:
            raise RefusedError(f"the gateway of function {call.function} names a status address on another host")
        headers = {"Accept": "application/json", "X-Call-Id": call.call_id}
        reply = await self._request("GET", url, call, headers, None)
        return None if reply.status == ACCEPTED else self.reply(reply)

    async def _request(self, method: str, url: str, call: Call, headers: dict[str, str], body: bytes | None) -> Reply:
        if self._session is None:
            raise RuntimeError("use the protocol as a context manager")
        # The answer has its time from when the call is sent: connecting has its own.
        connect_seconds = min(CONNECT_SECONDS, call.timeout_seconds)
        timeout = aiohttp.ClientTimeout(total=None, connect=connect_seconds)
        # A redirection could send the token elsewhere, and turn POST into GET: it is an error instead.
        options = {"data": body, "headers": headers, "timeout": timeout, "allow_redirects": False}

        async def exchange(session: aiohttp.ClientSession) -> Reply:
            async with session.request(method, url, **options) as response:  # type: ignore[arg-type]
                return await self._read(call, response)

        try:
            return await within(connect_seconds + call.timeout_seconds, exchange(self._session))
        except aiohttp.ClientConnectorCertificateError as err:
            reason = getattr(err.certificate_error, "verify_message", "") or type(err.certificate_error).__name__
            words = f"its gateway's certificate is not trusted ({reason})"
            advice = "name the authority's certificate as ca_file in the connection's extra, or correct its address"
            raise RefusedError(f"function {call.function}: {words}: {advice} (call {call.call_id})") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
            raise _unreachable(call, err, may_have_run=False) from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise RefusedError(
                f"function {call.function}: the connection's address is no URL of http or https"
            ) from None
        except ValueError:  # aiohttp's: it lets nobody smuggle a header
            words = "the connection's password, or the call's key, has a line break or another control character in it"
            raise RefusedError(f"function {call.function}: {words}") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as err:
            raise _unreachable(call, err, may_have_run=True) from None

    async def _read(self, call: Call, response: aiohttp.ClientResponse) -> Reply:
        wait = retry_after_seconds(response.headers.get("Retry-After"), time.time())
        check_status(call.function, call.call_id, response.status, wait)
        body = bytearray()
        async for chunk in response.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > self.response_limit_bytes:
                raise too_large(call.function, call.call_id, self.response_limit_bytes)
        content_type = _ascii(response.headers.get("Content-Type", ""))
        whole = self._whole(call, response, bytes(body))
        return Reply(response.status, whole, content_type, _location(response.headers.get("Location")))

    def _whole(self, call: Call, response: aiohttp.ClientResponse, body: bytes) -> bytes:
        try:
            whole = unpack(body, response.headers.get("Content-Encoding", ""), self.response_limit_bytes)
            if response.status not in (ACCEPTED, 204) and not has_length(response.headers):
                check_end(whole)
        except TruncatedAnswerError as err:
            raise UnavailableError(
                f"function {call.function}: its answer was cut: {err} (call {call.call_id})", lost=True
            ) from err
        except LookupError:
            raise UnusableAnswerError(
                f"function {call.function} answers with a Content-Encoding that nobody asked for (call {call.call_id})"
            ) from None
        if len(whole) > self.response_limit_bytes:
            raise too_large(call.function, call.call_id, self.response_limit_bytes)
        return whole


def _unreachable(call: Call, err: Exception, *, may_have_run: bool) -> UnavailableError:
    """Say what kind of error it was, without its text: that can hold an address with a password."""
    if not may_have_run:
        words = f"its gateway cannot be reached ({type(err).__name__}): check the connection's address"
    elif isinstance(err, TimeoutError):
        words = f"did not answer within {call.timeout_seconds:g} s"
    else:
        words = f"the connection was cut before its answer was whole ({type(err).__name__})"
    message = f"function {call.function}: {words} (call {call.call_id})"
    return UnavailableError(message, may_have_run=may_have_run, lost=may_have_run, unready=not may_have_run)


def _ascii(header: str) -> str:
    """Return a header as what Airflow's database takes: a server may send any bytes."""
    return header.encode("ascii", "replace").decode()


def _location(header: str | None) -> str | None:
    """Return an address in ASCII, for the same reason."""
    return header and quote(header, safe=string.printable, errors="surrogateescape")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def retry_after_seconds(text: str | None, now: float) -> float | None:
    """Read a `Retry-After` header, seconds or a date; None where there is none that can be read.

    Parts of a second, which some gateways send, are rounded up: whoever comes too early is refused again.

    Source: RFC 9110, 10.2.3.
    """
    if not text:
        return None
    if _SECONDS.fullmatch(text.strip()):
        seconds = float(text)
        return seconds if math.isinf(seconds) else float(math.ceil(seconds))
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
