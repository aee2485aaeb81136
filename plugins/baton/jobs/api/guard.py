"""What happens before and after each call: who calls, how often, how much they send; and whether they know the answer.

Nothing of a body is read before its sender is known: what is read is held in memory.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Message

from baton.api.request_bodies import BodyTooLargeError, BodyTooSlowError, read_limited
from baton.jobs.api.callers import caller_of
from baton.jobs.api.problems import ApiError

MAX_BODY_BYTES = 256 << 10
CALLS_PER_MINUTE, CALLS_AT_ONCE = 1200, 200
_KNOWN_CALLERS = 10_000
_MEDIA_TYPE = "application/json"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass
class _Bucket:
    calls: float
    at: float


class RateLimit:
    """How often each caller may call, of one API server: so many at once, and so many a minute in the long run."""

    def __init__(self, per_minute: int = CALLS_PER_MINUTE, at_once: int = CALLS_AT_ONCE) -> None:
        self._per_second, self._at_once = per_minute / 60, at_once
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_seconds(self, caller: str, now: float | None = None) -> float:
        """Count a call; returns after how long it may come again, 0 if it is welcome now."""
        moment = time.monotonic() if now is None else now
        bucket = self._buckets.setdefault(caller, _Bucket(self._at_once, moment))
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _KNOWN_CALLERS:
            self._buckets.popitem(last=False)
        bucket.calls = min(self._at_once, bucket.calls + (moment - bucket.at) * self._per_second)
        bucket.at = moment
        if bucket.calls < 1:
            return (1 - bucket.calls) / self._per_second
        bucket.calls -= 1
        return 0.0


RATE_LIMIT = RateLimit()


class GuardedRoute(APIRoute):
    """A route that wants a caller."""

    def get_route_handler(self) -> Handler:
        """FastAPI's own, with what comes before and after."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            caller = await caller_of(request)
            wait = RATE_LIMIT.wait_seconds(caller.name)
            if wait:
                raise ApiError(429, "too many calls: come again later", {"Retry-After": str(int(wait) + 1)})
            request.scope["baton_caller"] = caller
            response = await answer(await _limited(request))
            return _unless_known(request, response)

        return guarded


async def _limited(request: Request) -> Request:
    """The request with its body, which is not too long."""
    if request.method in ("GET", "HEAD"):
        return request
    try:
        body = bytes(await read_limited(request.stream(), request.headers, MAX_BODY_BYTES))
    except BodyTooLargeError as err:
        raise ApiError(413, f"the body has more than {MAX_BODY_BYTES} bytes") from err
    except (BodyTooSlowError, ClientDisconnect) as err:
        raise ApiError(503, "the body did not arrive in time: send it again", {"Retry-After": "5"}) from err

    _check_json(body)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    others = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    # Whatever a caller calls it, as curl does without being told: it is read as JSON.
    return Request({**request.scope, "headers": [*others, (b"content-type", b"application/json")]}, receive)


def _check_json(body: bytes) -> None:
    try:
        if body:
            json.loads(body)
    except (ValueError, RecursionError) as err:
        raise ApiError(422, "the body is no JSON") from err


def _unless_known(request: Request, response: Response) -> Response:
    """The answer with its ETag; 304 where the caller has it."""
    if request.method not in ("GET", "HEAD") or response.status_code != 200 or response.media_type != _MEDIA_TYPE:
        return response
    etag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response
