"""Read a request's body, but never more of it than it may have, and not for ever.

Whoever shows a credential in a header is known before the body is read. Whoever signs is known only afterwards: all
such bodies together get one small budget of memory, so that strangers cannot fill the API server, which has Airflow's
UI and execution API to serve.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager

PATIENCE_SECONDS = 10


class BodyTooLargeError(Exception):
    """The body has more bytes than it may have. What was read is thrown away."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time, or its sender went away."""


class BudgetSpentError(Exception):
    """Strangers' bodies have all the memory that they get: this one has to come again."""


class Budget:
    """What bodies of senders that are not known yet may hold at the same time. For one event loop.

    :param max_bytes: of all of them together, as far as they have arrived.
    :param max_bodies: how many of them are read at once.
    """

    def __init__(self, max_bytes: int, max_bodies: int) -> None:
        self._bytes, self._bodies = max_bytes, max_bodies

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """A body's part of it: the function takes so many bytes more, which come back at the end of the block.

        :raises BudgetSpentError: there are too many bodies, or in the function, bytes.
        """
        if self._bodies <= 0:
            raise BudgetSpentError
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            if count > self._bytes:
                raise BudgetSpentError
            self._bytes -= count
            taken += count

        self._bodies -= 1
        try:
            yield take
        finally:
            self._bodies += 1
            self._bytes += taken


def take_freely(_: int) -> None:
    """For bodies of known senders."""


async def read_limited(
    chunks: AsyncIterable[bytes],
    headers: Mapping[str, str],
    max_bytes: int,
    patience: float = PATIENCE_SECONDS,
    take: Callable[[int], None] = take_freely,
) -> bytearray:
    """The whole body.

    :param take: gets the bytes of each piece before it is kept; see `Budget`.
    :raises BodyTooLargeError: it is longer than `max_bytes`, by its header or by itself.
    :raises BodyTooSlowError: it took longer than `patience` seconds.
    """
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 12 or int(declared) > max_bytes):
        raise BodyTooLargeError
    read = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in chunks:
                if len(read) + len(chunk) > max_bytes:
                    raise BodyTooLargeError
                take(len(chunk))
                read += chunk
    except TimeoutError as err:
        raise BodyTooSlowError from err
    return read
