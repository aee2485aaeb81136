"""One HTTP request whose answer is bounded: in bytes, and in seconds from the first to the last of them.

Why not httpx's own time-outs alone: they begin anew with every byte, so a server that never ends its answer would hold
the watch for ever.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

MAX_BYTES = 32 * 1024 * 1024


class NoAnswerError(Exception):
    """There is no whole answer: why, in a few words."""


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    :param content: the body, unpacked.
    """

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx; a redirect is none, as it mostly leads to a login page."""
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """The status, and the host that a redirect leads to; not its whole address, which may hold tokens."""
        target = self.headers.get("Location", "")
        if not 300 <= self.status < 400 or not target:
            return f"answers {self.status}"
        try:
            host = httpx.URL(target).host
        except httpx.InvalidURL:
            host = ""
        return f"answers {self.status}, a redirect to {host or 'another page'}"

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, as logins, proxies and firewalls show them."""
        kind = self.headers.get("Content-Type", "").lower()
        return "html" in kind or self.content.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))

    def json(self) -> Any:
        """The body as JSON.

        :raises ValueError: it is none, whatever is wrong with it.
        """
        try:
            return json.loads(self.content)
        except RecursionError as err:
            raise ValueError("too deep") from err


class Http:
    """A client that keeps its connections from request to request; not for use inside an event loop.

    :param options: of `httpx.AsyncClient`.
    """

    def __init__(self, seconds: float, **options: Any) -> None:
        self._seconds = seconds
        self._client = httpx.AsyncClient(timeout=seconds, **options)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    def ask(self, method: str, url: str, *, seconds: float | None = None, tail: int = 0, **options: Any) -> Answer:
        """Send a request and take its whole answer.

        :param tail: keep only so many of the last bytes, of an answer that may be of any size.
        :raises NoAnswerError: no answer, no end of it, or none that can be unpacked.
        """
        limit = seconds or self._seconds
        try:
            return self._runner.run(self._bounded(limit, method, url, tail, options))
        except TimeoutError as err:
            raise NoAnswerError(f"does not answer within {limit:g} s") from err
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise NoAnswerError(f"does not answer ({type(err).__name__})") from err
        except (ValueError, OSError, ExceptionGroup) as err:  # a header that is no ASCII, a port that is none
            raise NoAnswerError(f"cannot be asked ({type(err).__name__})") from err

    async def _bounded(self, seconds: float, method: str, url: str, tail: int, options: dict[str, Any]) -> Answer:
        async with asyncio.timeout(seconds), self._client.stream(method, url, **options) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if tail:
                    del body[:-tail]
                elif len(body) > MAX_BYTES:
                    raise httpx.ReadError("the answer does not end")
            return Answer(response.status_code, response.headers, bytes(body))
