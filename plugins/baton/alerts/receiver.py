"""The receiver's addresses: `POST /alerts/v1/SENDER`, one for each module of `senders`, and `GET /alerts/v1/status`.

The answers follow the senders' rules. Alertmanager sends again after a 5xx and at no other time, so whoever is known
and can be read gets 2xx with a decision for each alert, however the decisions are; 503 where nothing could be decided,
or where a busy server or a slow network did not let the body through; 4xx only for who sends and what cannot be read.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import anyio
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from baton.alerts.credentials import HMAC, Credential, by_signature, by_token, signature_claim, signature_time
from baton.alerts.decisions import Decision
from baton.alerts.payloads import BodyError, Post, begun_at
from baton.alerts.senders import ENDPOINTS, read_body
from baton.alerts.service import Service, UnavailableError
from baton.alerts.settings import Settings, read_settings
from baton.api.request_bodies import (
    PATIENCE_SECONDS,
    BodyTooLargeError,
    BodyTooSlowError,
    Budget,
    BudgetSpentError,
    read_limited,
    take_freely,
)

log = logging.getLogger(__name__)
_THREADS = 4
"""Posts that are decided at once: each holds a connection to the database."""
_MAX_WAITING = 200
"""Posts that wait for their turn; further ones are asked to come again."""
_RETRY_SECONDS = "5"
_STRANGERS_BYTES, _STRANGERS_BODIES, _STRANGERS_SECONDS = 16 << 20, 64, 5
"""What signed bodies may hold, and how long each may take, until their signatures are known to be good."""


def make_app(settings: Settings | None = None) -> FastAPI:
    """Make the app that Airflow serves below `/alerts`."""
    receiver = _Receiver(settings or read_settings())
    app = FastAPI(title="Baton: alert receiver", docs_url=None, redoc_url=None, openapi_url=None)
    for endpoint in ENDPOINTS:
        app.add_api_route(f"/v1/{endpoint}", receiver.post_to(endpoint), methods=["POST"], name=f"receive_{endpoint}")
    app.add_api_route("/v1/status", receiver.status, methods=["GET"])
    return app


class _Receiver:
    """Authenticates, reads, and hands over to the service in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._service = Service(settings)
        self._max_bytes = settings.max_bytes
        self._limiter = anyio.CapacityLimiter(_THREADS)
        self._waiting = 0
        self._strangers = Budget(max(_STRANGERS_BYTES, self._max_bytes), _STRANGERS_BODIES)

    def post_to(self, endpoint: str) -> Callable[[Request], Awaitable[JSONResponse]]:
        """The function behind one address."""

        async def receive(request: Request) -> JSONResponse:
            sender, body = await self._authenticated(request, endpoint)
            signed_at = signature_time(request.headers) if sender.type == HMAC else None
            try:
                post, decisions = await self._in_thread(self._decide, body, endpoint, sender, signed_at)
            except BodyError as err:
                raise _in_vain(sender, endpoint, HTTPException(400, str(err))) from err
            return JSONResponse(_answer(decisions, post.left_out))

        return receive

    def _decide(
        self, body: bytearray, endpoint: str, sender: Credential, signed_at: datetime | None
    ) -> tuple[Post, list[Decision]]:
        """Read and decide, in a thread: reading a large body takes a third of a second, and others want answers."""
        post = read_body(body, endpoint)
        if signed_at is not None:
            post = begun_at(post, signed_at)
        return post, self._service.receive(post, sender)

    async def status(self, request: Request) -> JSONResponse:
        """Whether the files are in order, for whoever may send."""
        sender = by_token(self._senders(), request.headers.get("authorization", ""))
        if sender is None:
            raise _unknown()
        routes = await self._in_thread(self._service.routes)
        return JSONResponse(
            {
                "routes": {
                    "digest": routes.digest,
                    "count": len(routes.routes),
                    "problem": self._service.routes_problem,
                },
                "credentials": {"problem": self._service.credentials.problem},
            }
        )

    async def _authenticated(self, request: Request, endpoint: str) -> tuple[Credential, bytearray]:
        """Who sends, and what. Nothing is read of a body that cannot be a known sender's."""
        senders = self._senders()
        if sender := by_token(senders, request.headers.get("authorization", "")):
            _check_address(sender, endpoint)
            try:
                return sender, await self._body(request)
            except HTTPException as err:
                raise _in_vain(sender, endpoint, err) from err.__cause__
        sender, body = await self._signed(request, senders)
        _check_address(sender, endpoint)
        return sender, body

    async def _signed(self, request: Request, senders: list[Credential]) -> tuple[Credential, bytearray]:
        """A body whose sender is known when all of it is there: all such bodies share one budget until then."""
        claim = signature_claim(senders, request.headers)
        if claim is None:
            raise _unknown()
        try:
            with self._strangers.share() as take:
                body = await self._body(request, _STRANGERS_SECONDS, take)
                sender = by_signature(senders, claim, body)
        except BudgetSpentError as err:
            text = "too many signed bodies at once: send it again"
            raise HTTPException(503, text, {"Retry-After": _RETRY_SECONDS}) from err
        if sender is None:
            raise _unknown()
        return sender, body

    def _senders(self) -> list[Credential]:
        senders = self._service.credentials.current()
        if senders is None and self._service.credentials.path is not None:
            raise HTTPException(503, "the receiver's credentials cannot be read: see the API server's log")
        return senders or []

    async def _body(
        self, request: Request, patience: float = PATIENCE_SECONDS, take: Callable[[int], None] = take_freely
    ) -> bytearray:
        try:
            return await read_limited(request.stream(), request.headers, self._max_bytes, patience=patience, take=take)
        except BodyTooLargeError as err:
            raise HTTPException(413, f"the body has more than {self._max_bytes} bytes") from err
        except (BodyTooSlowError, ClientDisconnect) as err:
            text = "the body did not arrive in time: send it again"
            raise HTTPException(503, text, {"Retry-After": _RETRY_SECONDS}) from err

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run what waits for the database beside the server's own threads, which Airflow's UI needs."""
        if self._waiting >= _MAX_WAITING:
            raise HTTPException(503, "too many posts at once", {"Retry-After": _RETRY_SECONDS})
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
        except UnavailableError as err:
            raise HTTPException(503, str(err), {"Retry-After": _RETRY_SECONDS}) from err
        finally:
            self._waiting -= 1


def _check_address(sender: Credential, endpoint: str) -> None:
    if not sender.may_post_to(endpoint):
        text = f"the credential {sender.name} is not for this address"
        raise _in_vain(sender, endpoint, HTTPException(403, text))


def _in_vain(sender: Credential, endpoint: str, answer: HTTPException) -> HTTPException:
    """Say in the log what a known sender could not deliver: it will not send that again."""
    log.warning("%s posted to %s in vain (%d): %s", sender.name, endpoint, answer.status_code, answer.detail)
    return answer


def _unknown() -> HTTPException:
    detail = "send one of the receiver's tokens (Authorization: Bearer …) or a signature: see docs/alerts.md"
    return HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


def _answer(decisions: list[Decision], left_out: int) -> dict[str, Any]:
    return {
        "decisions": [
            {
                "alert": decision.alert.labels.get("alertname", ""),
                "fingerprint": decision.entry.identity.fingerprint,
                "starts_at": decision.entry.identity.starts_at,
                "route": decision.entry.identity.route or None,
                "decision": str(decision.entry.verdict),
                "repeated": decision.repeated,
                "reason": decision.entry.reason,
                "dag_id": decision.entry.dag_id,
                "run_id": decision.entry.run_id,
            }
            for decision in decisions
        ],
        "counts": Counter(str(decision.entry.verdict) for decision in decisions),
        "truncated": left_out,
    }
