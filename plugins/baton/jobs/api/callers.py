"""Who calls, and what they may: somebody who has signed in to Airflow, or a program with a named token."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request

from baton.airflow_internals.airflow_server import SignedInUser, user_of
from baton.airflow_internals.database import transaction
from baton.jobs.api.problems import ApiError
from baton.jobs.api.tokens import PREFIX, KnownToken, known_token

if TYPE_CHECKING:
    from collections.abc import Collection

    from baton.airflow_internals.stored_jobs import StoredDag


class Right(StrEnum):
    """What somebody may do with a job."""

    READ = "read"
    RUN = "run"
    CANCEL = "cancel"
    MANAGE = "manage"


class Caller(Protocol):
    """Who calls.

    :param name: for the audit log.
    """

    name: str

    def may(self, right: Right, job_id: str, tags: Collection[str]) -> bool:
        """Whether they may do that with a job."""

    def readable(self, dags: list[StoredDag]) -> list[StoredDag]:
        """Those of some jobs that they may see."""

    @property
    def may_make_tokens(self) -> bool:
        """Whether they may make tokens, which reach further than they do."""


class Person:
    """Somebody who has signed in: Airflow's auth manager decides."""

    def __init__(self, user: SignedInUser) -> None:
        self._user = user
        self.name = user.name

    def may(self, right: Right, job_id: str, tags: Collection[str]) -> bool:
        """As for the DAG and its runs."""
        asks = {
            Right.READ: self._user.may_see_runs,
            Right.RUN: self._user.may_start_runs,
            Right.CANCEL: self._user.may_change_runs,
            Right.MANAGE: self._user.may_edit,
        }
        return asks[right](job_id)

    def readable(self, dags: list[StoredDag]) -> list[StoredDag]:
        """The DAGs that Airflow lets them see."""
        readable = self._user.readable()
        return [dag for dag in dags if dag.dag_id in readable]

    @property
    def may_make_tokens(self) -> bool:
        """Wants the right to edit all DAGs: a token without limits may as much."""
        return self._user.may_edit(None)


class Program:
    """A token."""

    def __init__(self, token: KnownToken) -> None:
        self._token = token
        self.name = f"token {token.name}"

    def may(self, right: Right, job_id: str, tags: Collection[str]) -> bool:
        """By scope and by limits."""
        scope = "run" if right == Right.CANCEL else str(right)
        return scope in self._token.scopes and self._token.reaches(job_id, frozenset(tags))

    def readable(self, dags: list[StoredDag]) -> list[StoredDag]:
        """Those that it is limited to."""
        return [dag for dag in dags if self.may(Right.READ, dag.dag_id, dag.tags)]

    @property
    def may_make_tokens(self) -> bool:
        """Never: one that leaks would live on in others."""
        return False


async def caller_of(request: Request) -> Caller:
    """Who calls, before anything of the body is read.

    :raises ApiError: 401 nobody that is known.
    """
    shown = request.headers.get("authorization", "")
    scheme, _, token = shown.partition(" ")
    if scheme.lower() == "bearer" and token.strip().startswith(PREFIX):
        known = await anyio.to_thread.run_sync(_known, token.strip())
        if known is None:
            raise _unknown("this token is not, or no longer, known")
        return Program(known)
    try:
        person = Person(await user_of(request))
    except HTTPException as err:
        raise _unknown("show a token (Authorization: Bearer …) or sign in to Airflow") from err
    if not shown and request.method not in ("GET", "HEAD") and not _is_from_here(request):
        raise ApiError(403, "a job is not changed from another site's page")
    return person


def _known(token: str) -> KnownToken | None:
    with transaction() as session:
        return known_token(session, token)


def _is_from_here(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _unknown(detail: str) -> ApiError:
    return ApiError(401, detail, {"WWW-Authenticate": "Bearer"})
