"""The interface that each kind of gateway implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from baton.functions.call import Call, RefusedError, Reply


class Protocol(ABC):
    """How one kind of gateway is spoken to. Used as an asynchronous context manager; one try for each call."""

    takes_callbacks = False
    """Whether an asynchronous call can name where its answer is to be posted."""

    async def __aenter__(self) -> Self:
        """Open what is shared by the calls."""
        return self

    async def __aexit__(  # noqa: B027  (most have something to close, Lambda has not)
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""

    @abstractmethod
    async def send(self, call: Call) -> Reply:
        """Make a call once.

        :returns: the function's reply; for an asynchronous call the gateway's with status 202, or the function's after
            all: a gateway may ignore the wish to be answered later.
        :raises RefusedError: it would be refused again.
        :raises UnavailableError: no reply, or "not now".
        """

    async def ask(self, call: Call, location: str) -> Reply | None:
        """Ask once what became of an accepted call; None while it is under way."""
        raise RefusedError(
            f"this kind of gateway cannot be asked what became of a call of {call.function}: use callback"
        )
