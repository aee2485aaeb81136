"""Read a request's body, but never more of it than it may have, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping

_PATIENCE_SECONDS = 10


class BodyTooLargeError(Exception):
    """The body has more bytes than it may have. What was read is thrown away."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time, or its sender went away."""


async def read_limited(
    chunks: AsyncIterable[bytes], headers: Mapping[str, str], most_bytes: int, patience: float = _PATIENCE_SECONDS
) -> bytes:
    """The whole body.

    :raises BodyTooLargeError: it is longer than `most_bytes`, by its header or by itself.
    :raises BodyTooSlowError: it took longer than `patience` seconds.
    """
    told = headers.get("content-length", "")
    if told.isascii() and told.isdigit() and (len(told) > 12 or int(told) > most_bytes):
        raise BodyTooLargeError
    read = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in chunks:
                read += chunk
                if len(read) > most_bytes:
                    raise BodyTooLargeError
    except TimeoutError as err:
        raise BodyTooSlowError from err
    return bytes(read)
