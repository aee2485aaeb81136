"""The receiver's addresses: `POST` (or `PUT`) `/alerts/v1/SENDER`, one for each sender, and `GET /alerts/v1/status`.

`GET /alerts/v1/metrics` is for Prometheus.

The answers follow the senders' rules. Alertmanager sends again after a 5xx and at no other time, so whoever is known
and can be read gets 2xx with a decision for each alert, however the decisions are; 503 where nothing could be decided,
or where a busy server or a slow network did not let the body through; 4xx only for who sends and what cannot be read.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import anyio
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from baton.alerts import refusals, sns
from baton.alerts.bodies import EncodingError, read_document, unpacked
from baton.alerts.credentials import Credential, by_signature, by_token, signature_claims
from baton.alerts.decisions import Decision, answer_of
from baton.alerts.payloads import BodyError, begun_at, told_apart_by
from baton.alerts.senders import Headers, read_parsed
from baton.alerts.service import Service, UnavailableError
from baton.alerts.settings import Settings, read_settings
from baton.alerts.without_secrets import text_without_secrets
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
_UNKNOWN_SENDER = "no known token, password or signature"
_STRANGERS_BYTES, _STRANGERS_BODIES, _STRANGERS_SECONDS = 8 << 20, 64, 5
"""What signed bodies may hold, and how long each may take, until their signatures are known to be good."""


def make_app(settings: Settings | None = None) -> FastAPI:
    """Make the app that Airflow serves below `/alerts`."""
    receiver = _Receiver(settings or read_settings())
    app = FastAPI(title="Baton: alert receiver", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/v1/status", receiver.status, methods=["GET"])
    app.add_api_route("/v1/metrics", receiver.metrics, methods=["GET"])
    app.add_api_route("/v1/{endpoint}", receiver.receive, methods=["POST", "PUT"])
    return app


class _Receiver:
    """Authenticates, reads, and hands over to the service in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._service = Service(settings)
        self._max_bytes = settings.max_bytes
        self._limiter = anyio.CapacityLimiter(_THREADS)
        self._waiting = 0
        self._unknown_senders = refusals.Strangers(lambda counts: self._in_thread(self._service.count_refused, counts))
        self._strangers = Budget(max(_STRANGERS_BYTES, self._max_bytes), _STRANGERS_BODIES)

    async def receive(self, request: Request, endpoint: str) -> JSONResponse:
        """What is behind each sender's address."""
        begin, status = time.monotonic(), 500
        try:
            answer = await self._received(request, endpoint)
            status = answer.status_code
        except HTTPException as err:
            status = err.status_code
            raise
        finally:
            known = endpoint if endpoint in self._service.senders.endpoints() else ""
            self._service.metrics.answered(known, status, time.monotonic() - begin)
        return answer

    async def _received(self, request: Request, endpoint: str) -> JSONResponse:
        try:
            known = await self._authenticated(request, endpoint)
        except HTTPException as err:
            if err.status_code == 401:
                self._unknown_senders.note(endpoint, self._service.senders.endpoints(), 401, _UNKNOWN_SENDER)
            raise
        try:
            told = await self._in_thread(self._decide, known, endpoint, request.headers)
        except BodyError as err:
            status = 415 if isinstance(err, EncodingError) else 400
            raise await self._in_vain(known.sender, endpoint, HTTPException(status, str(err))) from err
        except sns.FetchError as err:
            text = f"Amazon's confirmation failed: {err}"
            answer = HTTPException(503, text, {"Retry-After": _RETRY_SECONDS})
            raise await self._in_vain(known.sender, endpoint, answer) from err
        return JSONResponse(told)

    def _decide(self, known: _Known, endpoint: str, headers: Headers) -> dict[str, Any]:
        """Read and decide, in a thread: reading a large body takes a third of a second, and others want answers."""
        document = read_document(unpacked(known.body, headers, self._max_bytes), headers)
        if (told := _greeting(document)) is not None:
            return told
        post = read_parsed(document, endpoint, headers, self._service.senders.current())
        if known.signed_at is not None:
            post = begun_at(post, known.signed_at)
        elif known.is_signed:
            post = told_apart_by(post, sha256(known.body).hexdigest())
        return _answer(self._service.receive(post, known.sender), post.left_out)

    async def status(self, request: Request) -> JSONResponse:
        """Whether the files are in order, for whoever may send."""
        if by_token(self._senders(), request.headers) is None:
            raise _unknown()
        routes = await self._in_thread(self._service.routes)
        return JSONResponse(
            {
                "routes": {
                    "digest": routes.digest,
                    "count": len(routes.routes),
                    "problem": self._service.routes_problem,
                },
                "credentials": {"problem": self._service.credentials_problem},
                "senders": {
                    "names": list(self._service.senders.endpoints()),
                    "problem": self._service.senders.problem,
                },
            }
        )

    async def metrics(self, request: Request) -> Response:
        """For Prometheus; whoever may send may read them."""
        if by_token(self._senders(), request.headers) is None:
            raise _unknown()
        condition = await self._in_thread(self._service.condition)
        text, media_type = self._service.metrics.text(condition, request.headers.get("accept", ""))
        return Response(text, media_type=media_type)

    async def _authenticated(self, request: Request, endpoint: str) -> _Known:
        """Who sends, and what. Nothing is read of a body that cannot be a known sender's."""
        senders = self._senders()
        if sender := by_token(senders, request.headers):
            await self._check_address(sender, endpoint)
            try:
                return _Known(sender, await self._body(request))
            except HTTPException as err:
                raise await self._in_vain(sender, endpoint, err) from err.__cause__
        known = await self._signed(request, senders)
        await self._check_address(known.sender, endpoint)
        return known

    async def _signed(self, request: Request, senders: list[Credential]) -> _Known:
        """A body whose sender is known when all of it is there: all such bodies share one budget until then."""
        claims = signature_claims(senders, request.headers)
        is_amazons = sns.may_be_sent(senders, request.headers)
        if not claims and not is_amazons:
            raise _unknown()
        most = self._max_bytes if claims else min(sns.MAX_BYTES, self._max_bytes)
        try:
            with self._strangers.share() as take:
                body = await self._body(request, _STRANGERS_SECONDS, take, most)
                if found := by_signature(senders, claims, body):
                    sender, claim = found
                    return _Known(sender, body, is_signed=True, signed_at=claim.moment)
                if is_amazons and (amazons := await self._of_amazon(senders, body)):
                    return _Known(amazons, body, is_signed=True)
        except BudgetSpentError as err:
            text = "too many signed bodies at once: send it again"
            raise HTTPException(503, text, {"Retry-After": _RETRY_SECONDS}) from err
        raise _unknown()

    async def _of_amazon(self, senders: list[Credential], body: bytearray) -> Credential | None:
        def sender() -> Credential | None:
            try:
                return sns.sender_of(senders, read_document(body, {}))
            except BodyError:
                return None

        try:
            found: Credential | None = await self._in_thread(sender)
            return found
        except sns.FetchError as err:
            text = f"Amazon's certificate cannot be fetched: {err}"
            raise HTTPException(503, text, {"Retry-After": _RETRY_SECONDS}) from err

    def _senders(self) -> list[Credential]:
        senders = self._service.credentials.current()
        if senders is None and self._service.credentials.path is not None:
            raise HTTPException(503, "the receiver's credentials cannot be read: see the API server's log")
        return senders or []

    async def _check_address(self, sender: Credential, endpoint: str) -> None:
        known = self._service.senders.endpoints()
        if endpoint not in known:
            text = f"there is no sender {endpoint[:64]!r}: there are {', '.join(known)}"
            raise await self._in_vain(sender, endpoint, HTTPException(404, text))
        if not sender.may_post_to(endpoint):
            text = f"the credential {sender.name} is not for this address"
            raise await self._in_vain(sender, endpoint, HTTPException(403, text))

    async def _body(
        self,
        request: Request,
        patience: float = PATIENCE_SECONDS,
        take: Callable[[int], None] = take_freely,
        most: int | None = None,
    ) -> bytearray:
        limit = self._max_bytes if most is None else most
        try:
            return await read_limited(request.stream(), request.headers, limit, patience=patience, take=take)
        except BodyTooLargeError as err:
            raise HTTPException(413, f"the body has more than {limit} bytes") from err
        except (BodyTooSlowError, ClientDisconnect) as err:
            text = "the body did not arrive in time: send it again"
            raise HTTPException(503, text, {"Retry-After": _RETRY_SECONDS}) from err

    async def _in_vain(self, sender: Credential, endpoint: str, answer: HTTPException) -> HTTPException:
        """Say in the log what a known sender could not deliver, and count what it will not send again."""
        text = text_without_secrets(str(answer.detail))
        log.warning("%s posted to %s in vain (%d): %s", sender.name, endpoint[:64], answer.status_code, text)
        if answer.status_code < 500:
            try:
                counts = refusals.one(sender.name, endpoint, answer.status_code, text)
                await self._in_thread(self._service.count_refused, counts)
            except HTTPException as err:
                log.warning("It could not be counted: %s", err.detail)
        return answer

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


@dataclass(frozen=True, slots=True)
class _Known:
    """A post whose sender is known.

    :param signed_at: None: it shows a token, or its signature is of no moment.
    """

    sender: Credential
    body: bytearray
    is_signed: bool = False
    signed_at: datetime | None = None


def _greeting(document: Any) -> dict[str, Any] | None:
    """The answer to a body that only asks whether somebody is there; None for any other.

    :raises sns.FetchError: Amazon's confirmation failed.
    """
    if sns.is_confirmation(document):
        return {"confirmed": sns.confirm(document), "decisions": [], "counts": {}}
    if isinstance(document, dict) and document.get("type") == "url_verification" and "challenge" in document:  # Slack's
        return {"challenge": str(document["challenge"])[:500]}
    return None


def _unknown() -> HTTPException:
    detail = "send one of the receiver's tokens (Authorization: Bearer …), user and password or a signature: "
    return HTTPException(401, f"{detail}see docs/alerts.md", {"WWW-Authenticate": "Bearer, Basic"})


def _answer(decisions: list[Decision], left_out: int) -> dict[str, Any]:
    return {
        "decisions": [answer_of(decision) for decision in decisions],
        "counts": Counter(str(decision.entry.verdict) for decision in decisions),
        "truncated": left_out,
    }
