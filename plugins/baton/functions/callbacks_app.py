"""The route that functions post their answers to.

It has no login: the signed address is the credential, and is checked before anything else is read. Answers that come
again change nothing, but a success takes the place of a failure. 4xx means "do not send this again", 503 "send it
again".
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from baton.api.request_bodies import PATIENCE_SECONDS, BodyTooLargeError, BodyTooSlowError, read_limited
from baton.exceptions import BatonError
from baton.functions.call import Reply
from baton.functions.callback_tokens import (
    OURS_HEADER,
    TOKEN_HEADER,
    Callback,
    ExpiredTokenError,
    InvalidTokenError,
    Signer,
)
from baton.functions.stored_reply import store_oversize, store_reply

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 1 << 20
"""Whatever an address allows."""
_FOLDER = "/v1/callbacks/"
_TOKEN = "baton.callback_token"  # noqa: S105  (a name in the request's scope)
SIGNER_SECONDS = 30.0
"""How long a key is used before the connection is read again."""


class Answers(Protocol):
    """Where answers are kept."""

    def has(self, callback: Callback) -> bool:
        """Whether an answer is there."""

    def put(self, callback: Callback, stored: dict[str, Any]) -> bool:
        """Keep an answer; the first one stays, unless it is a failure and this a success."""


class _Refusal(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class CallbackRoute:
    """Checks addresses, limits bodies, keeps answers.

    :param read_signer: reads the keys; blocks.
    :param gone: what `answers` raises when nobody waits any more.
    """

    def __init__(self, answers: Answers, read_signer: Callable[[], Signer], gone: type[Exception]) -> None:
        self._answers, self._read_signer, self._gone = answers, read_signer, gone
        self._signer: tuple[float, Signer] | None = None

    async def post(self, request: Request) -> Response:
        """Take an answer."""
        return await self._answered(self._post(request.scope[_TOKEN], request))

    async def get(self, request: Request) -> Response:
        """Tell the triggerer whether the answer is there; not what it says."""
        return await self._answered(self._get(request.headers.get(TOKEN_HEADER, "")))

    async def _answered(self, work: Any) -> Response:
        try:
            response: Response = await work
        except _Refusal as refusal:
            again = {"Retry-After": "5"} if refusal.status == 503 else None
            response = Response(refusal.reason + "\n", refusal.status, again, media_type="text/plain")
        except (SQLAlchemyError, BatonError, OSError) as err:
            log.exception("A function's callback could not be kept for now (%s)", type(err).__name__)
            response = Response("not now\n", 503, {"Retry-After": "5"}, media_type="text/plain")
        response.headers["Cache-Control"] = "no-store"
        response.headers[OURS_HEADER] = "1"
        return response

    async def _post(self, token: str, request: Request) -> Response:
        callback = await self._callback(token)
        status = _function_status(request)
        limit_bytes = min(callback.limit_bytes, LARGEST_BODY_BYTES)
        body = await _body(request, limit_bytes)
        content_type = request.headers.get("content-type", "")[:200]
        stored = store_oversize(limit_bytes)
        if body is not None:
            stored = store_reply(Reply(status, body, content_type))
        try:
            await run_in_threadpool(self._answers.put, callback, stored)
        except self._gone:
            raise _Refusal(410, "nobody waits for this any more") from None
        if body is None:
            raise _Refusal(413, f"more than {limit_bytes} bytes")
        return Response(status_code=204)

    async def _get(self, token: str) -> Response:
        has_arrived = await run_in_threadpool(self._answers.has, await self._callback(token))
        return Response(status_code=200 if has_arrived else 202)

    async def _callback(self, token: str) -> Callback:
        try:
            return (await self._current_signer()).read(token, time.time())
        except InvalidTokenError:
            raise _Refusal(403, "this is no address of ours") from None
        except ExpiredTokenError:
            raise _Refusal(410, "too late") from None

    async def _current_signer(self) -> Signer:
        now = time.monotonic()
        if self._signer is None or now - self._signer[0] > SIGNER_SECONDS:
            self._signer = now, await run_in_threadpool(self._read_signer)
        return self._signer[1]


def _function_status(request: Request) -> int:
    """Read how the function ended; a sender that does not say so posts only what went well."""
    text = request.headers.get("x-function-status", "200")
    if not (text.isascii() and text.isdigit() and 100 <= int(text[:4]) <= 599 and len(text) == 3):
        raise _Refusal(400, "X-Function-Status is no HTTP status")
    return int(text)


async def _body(request: Request, limit_bytes: int) -> bytes | None:
    """Read the body; None as soon as it is past the limit."""
    try:
        return bytes(await read_limited(request.stream(), request.headers, limit_bytes, PATIENCE_SECONDS))
    except BodyTooLargeError:
        return None
    except BodyTooSlowError:
        raise _Refusal(503, "the body did not arrive in time: send it again") from None
    except ClientDisconnect:
        raise _Refusal(400, "the body is not whole") from None


class HiddenAddresses:
    """Takes the token out of the path of a request: Airflow logs the path as it is after the answer.

    In its place stands the beginning of its SHA-256: equal ones can still be told from others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http":
            head, found, token = scope["path"].partition(_FOLDER)
            if found and token:
                scope[_TOKEN] = token
                digest = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()[:16]
                scope["path"] = f"{head}{_FOLDER}sha256-{digest}"
                scope["raw_path"] = scope["path"].encode()
        await self._app(scope, receive, send)


def make_app(route: CallbackRoute) -> FastAPI:
    """Make the app that Airflow serves below `/baton/functions`."""
    app = FastAPI(
        title="Baton: callbacks of functions", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.add_middleware(HiddenAddresses)
    app.add_api_route(_FOLDER + "{digest}", route.post, methods=["POST"])
    app.add_api_route(_FOLDER.rstrip("/"), route.get, methods=["GET"])
    return app


def make_airflow_app() -> FastAPI:
    """Make it with Airflow's store and connections."""
    from baton.airflow_internals.task_states import RunIsGoneError
    from baton.functions.posted_answers import PostedAnswers

    return make_app(CallbackRoute(PostedAnswers(), _read_signer, RunIsGoneError))


def _read_signer() -> Signer:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from baton.exceptions import TransientError
    from baton.functions.callbacks_hook import CALLBACKS_CONNECTION, signer_of

    try:
        return signer_of(BaseHook.get_connection(CALLBACKS_CONNECTION))
    except AirflowNotFoundException as err:
        raise TransientError(f"there is no connection {CALLBACKS_CONNECTION}") from err
