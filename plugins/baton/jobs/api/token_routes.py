"""The routes of tokens: for whoever may edit all DAGs, never for a token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from baton.airflow_internals.airflow_server import SessionDep
from baton.airflow_internals.schedule_rows import audit
from baton.jobs.api import tokens
from baton.jobs.api.callers import Caller
from baton.jobs.api.given import CallerDep, refusals
from baton.jobs.api.guard import GuardedRoute
from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import TEXT, NewToken, Token, TokenList, TokenMade

router = APIRouter(route_class=GuardedRoute, tags=["tokens"])
Name = Annotated[str, Path(max_length=64, pattern=TEXT)]


@router.get("/tokens", responses=refusals(403))
def list_tokens(session: SessionDep, caller: CallerDep) -> TokenList:
    """All tokens, without their secrets."""
    _check(caller)
    return TokenList(data=tokens.tokens(session))


@router.post("/tokens", status_code=201, responses=refusals(403, 409, 413))
def make_token(body: NewToken, session: SessionDep, caller: CallerDep) -> TokenMade:
    """Make a token. Its secret is in this answer, and nowhere else."""
    _check(caller)
    made, secret = tokens.make_token(session, body, caller.name)
    audit(session, "baton_token_made", f"jobs: {caller.name}", extra=body.model_dump_json())
    return TokenMade(**made.model_dump(), secret=secret)


@router.post("/tokens/{name}/keys", status_code=201, responses=refusals(403, 404, 409))
def add_key(name: Name, session: SessionDep, caller: CallerDep) -> TokenMade:
    """Give a token a second key, to change over to; then remove the first."""
    _check(caller)
    made, secret = tokens.add_key(session, name)
    audit(session, "baton_token_key_added", f"jobs: {caller.name}", extra=name)
    return TokenMade(**made.model_dump(), secret=secret)


@router.delete("/tokens/{name}/keys/{key_id}", responses=refusals(403, 404, 409))
def remove_key(name: Name, key_id: Name, session: SessionDep, caller: CallerDep) -> Token:
    """Take a key from a token."""
    _check(caller)
    left = tokens.remove_key(session, name, key_id)
    audit(session, "baton_token_key_removed", f"jobs: {caller.name}", extra=f"{name} {key_id}")
    return left


@router.delete("/tokens/{name}", status_code=204, responses=refusals(403, 404))
def remove_token(name: Name, session: SessionDep, caller: CallerDep) -> None:
    """Remove a token with its keys."""
    _check(caller)
    tokens.remove_token(session, name)
    audit(session, "baton_token_removed", f"jobs: {caller.name}", extra=name)


def _check(caller: Caller) -> None:
    if not caller.may_make_tokens:
        raise ApiError(403, "tokens are made by people who may edit all DAGs")
