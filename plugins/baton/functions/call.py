"""A call of a function, its reply, and what can go wrong between them.

Why no error here quotes a reply: it may hold personal data, or echo the token of the request. The function's own log
has it, under the call's id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any

from baton.exceptions import PermanentError, TransientError


@dataclass(frozen=True)
class Call:
    """One call.

    :param function: its name at the gateway.
    :param body: JSON.
    :param key: the idempotency key: the same for each repetition of this work.
    :param call_id: names this attempt in logs and callbacks.
    :param asynchronous: let the gateway accept it and answer later, or never.
    :param callback_url: where the answer of an asynchronous call is to be posted; None where nobody waits for it.
    """

    function: str
    body: bytes
    key: str
    call_id: str
    timeout_seconds: float
    asynchronous: bool = False
    callback_url: str | None = None


ACCEPTED = 202
"""Of a reply to an asynchronous call: the answer comes later. Any other success is the answer itself."""


@dataclass(frozen=True)
class Reply:
    """What came back.

    :param location: where the state of an accepted call can be asked for.
    """

    status: int
    body: bytes = b""
    content_type: str = ""
    location: str | None = None


class RefusedError(PermanentError):
    """The same call will be refused again."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class UnusableAnswerError(RefusedError):
    """The function has done its work, but its answer cannot be used: too large, or of no form that is understood."""


class UnavailableError(TransientError):
    """No reply, or one that says "not now".

    :param may_have_run: whether the function may have done its work all the same.
    :param throttled: the gateway has too much to do: not a failure, come back later.
    :param unready: nothing behind the gateway's address answers yet: a cold start or a restart takes its time.
    :param lost: the call was sent, and no whole answer to it came.
    :param retry_after_seconds: when to come back, where it says so.
    """

    def __init__(
        self,
        message: str,
        *,
        may_have_run: bool = True,
        throttled: bool = False,
        unready: bool = False,
        lost: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run
        self.throttled = throttled
        self.unready = unready
        self.lost = lost
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknownError(PermanentError):
    """The function may have run, and must not be called again without somebody looking first."""


def check_status(function: str, call_id: str, status: int, retry_after_seconds: float | None = None) -> None:
    """Turn a status into an error.

    :raises RefusedError: redirections and 4xx but those that mean "later".
    :raises UnavailableError: 5xx, 408, 425, 429.
    """
    if 200 <= status < 300:
        return
    what = f"function {function} answered {status} (call {call_id})"
    if status == 429:
        raise UnavailableError(what, may_have_run=False, throttled=True, retry_after_seconds=retry_after_seconds)
    if status >= 500 or status in (408, 425):
        refused_before = status == 503 and retry_after_seconds is not None
        raise UnavailableError(
            what,
            may_have_run=not refused_before,
            unready=status in (502, 503),
            retry_after_seconds=retry_after_seconds,
        )
    raise RefusedError(f"{what}: {HINTS.get(status, 'the same call would be refused again')}", status)


HINTS = {
    401: "check the login, password or token of the connection",
    403: "the connection's credentials may not call it",
    404: "there is no such function; check its name and the connection's address",
    413: "the payload is too large: send an address instead of data",
}


def too_large(function: str, call_id: str, limit_bytes: int) -> UnusableAnswerError:
    """Build the error for an answer past the limit."""
    return UnusableAnswerError(
        f"the answer of function {function} has more than {limit_bytes} bytes (call {call_id}): let it answer with "
        "less, such as the address of what it has stored, or raise response_limit_bytes (by callback 1 MiB at most)"
    )


def result_of(reply: Reply) -> Any:
    """Decode a reply's body: JSON where it is that, else text; None where it is empty.

    :raises UnusableAnswerError: neither JSON nor text, or not in the character set that it names.
    """
    if not reply.body:
        return None
    try:
        text = reply.body.decode(_charset(reply.content_type)).removeprefix("\ufeff")  # a byte order mark
    except (ValueError, LookupError) as err:
        raise UnusableAnswerError("the function's answer is neither JSON nor text: let it answer in JSON") from err
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        if "json" in reply.content_type:
            raise UnusableAnswerError("the function's answer is not the JSON that its Content-Type says") from None
        return text


def _charset(content_type: str) -> str:
    """Return the character set that a Content-Type names, else UTF-8."""
    header = Message()
    header["Content-Type"] = content_type.replace("\r", "").replace("\n", "")
    return header.get_content_charset() or "utf-8"


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
