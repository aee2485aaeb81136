"""Named tokens for programs, apart from Airflow's own, which a program cannot renew.

A token is `baton_ID_SECRET`. Stored is the digest of the whole: the table gives no token away. Two keys of a token live
at the same time: the second is made, programs change over, the first is removed.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import NewToken, Token, TokenKey
from baton.jobs.api.tables import TOKENS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PREFIX = "baton_"
SCOPES = ("read", "run", "manage")
_MAX_KEYS = 2
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token that was shown, and what it may.

    :param jobs, tags: that it is limited to; both empty: no limit.
    """

    name: str
    scopes: frozenset[str]
    jobs: frozenset[str]
    tags: frozenset[str]

    def reaches(self, job_id: str, tags: frozenset[str]) -> bool:
        """Whether it is meant for a job."""
        return not (self.jobs or self.tags) or job_id in self.jobs or bool(self.tags & tags)


def _digest(token: str) -> str:
    return sha256(token.encode(errors="surrogateescape")).hexdigest()


def known_token(session: Session, shown: str) -> KnownToken | None:
    """The token that was shown; takes as long for a wrong one. At most a few dozen rows are looked at."""
    digest = _digest(shown[:_LONGEST])
    found = None
    for row in session.execute(select(TOKENS)).mappings():
        if any([hmac.compare_digest(digest, key["sha256"]) for key in json.loads(row["keys"])]):
            limits = [frozenset(json.loads(row[name])) for name in ("scopes", "jobs", "tags")]
            found = KnownToken(row["name"], *limits)
    return found


def make_token(session: Session, wanted: NewToken, by: str) -> tuple[Token, str]:
    """Make a token; returns its secret, which is nowhere afterwards.

    :raises ApiError: 409 there is one of that name, 422 no such scope.
    """
    if unknown := set(wanted.scopes) - set(SCOPES):
        raise ApiError(422, f"scopes: there is no {sorted(unknown)[0]}; scopes are {', '.join(SCOPES)}")
    if session.execute(select(TOKENS.c.name).where(TOKENS.c.name == wanted.name)).one_or_none():
        raise ApiError(409, f"there is a token {wanted.name} already: add a key to it, or remove it first")
    key, secret = _new_key(1)
    row = {
        "name": wanted.name,
        **{name: json.dumps(sorted(set(getattr(wanted, name)))) for name in ("scopes", "jobs", "tags")},
        "keys": json.dumps([key]),
        "created_by": by[:100],
        "created_at": datetime.now(UTC),
    }
    session.execute(insert(TOKENS).values(row))
    return _token(row), secret


def add_key(session: Session, name: str) -> tuple[Token, str]:
    """Give a token a second key.

    :raises ApiError: 404 no such token, 409 it has two.
    """
    row = _row(session, name)
    keys = json.loads(row["keys"])
    if len(keys) >= _MAX_KEYS:
        raise ApiError(409, f"token {name} has two keys: remove the old one, {keys[0]['id']}, first")
    key, secret = _new_key(max(int(each["id"]) for each in keys) + 1)
    return _with_keys(session, row, [*keys, key]), secret


def remove_key(session: Session, name: str, key_id: str) -> Token:
    """Take a key from a token, not its last.

    :raises ApiError: 404 no such token or key, 409 it is the last one.
    """
    row = _row(session, name)
    keys = json.loads(row["keys"])
    left = [key for key in keys if key["id"] != key_id]
    if len(left) == len(keys):
        raise ApiError(404, f"token {name} has no key {key_id}")
    if not left:
        raise ApiError(409, f"it is the last key of token {name}: add one first, or remove the token")
    return _with_keys(session, row, left)


def remove_token(session: Session, name: str) -> None:
    """Remove a token with its keys: they count no more when this is stored.

    :raises ApiError: 404 no such token.
    """
    _row(session, name)
    session.execute(delete(TOKENS).where(TOKENS.c.name == name))


def tokens(session: Session) -> list[Token]:
    """All tokens, by their names."""
    return [_token(row) for row in session.execute(select(TOKENS).order_by(TOKENS.c.name)).mappings()]


def _row(session: Session, name: str) -> Any:
    row = session.execute(select(TOKENS).where(TOKENS.c.name == name).with_for_update()).mappings().one_or_none()
    if row is None:
        raise ApiError(404, f"there is no token {name}")
    return row


def _with_keys(session: Session, row: Any, keys: list[dict[str, str]]) -> Token:
    stored = json.dumps(keys)
    session.execute(update(TOKENS).where(TOKENS.c.name == row["name"]).values(keys=stored))
    return _token({**row, "keys": stored})


def _new_key(number: int) -> tuple[dict[str, str], str]:
    secret = f"{PREFIX}{number}_{secrets.token_urlsafe(32)}"
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"id": str(number), "sha256": _digest(secret), "created_at": made}, secret


def _token(row: Any) -> Token:
    keys = [TokenKey(id=key["id"], created_at=key["created_at"]) for key in json.loads(row["keys"])]
    lists = {name: json.loads(row[name]) for name in ("scopes", "jobs", "tags")}
    return Token(name=row["name"], keys=keys, created_by=row["created_by"], created_at=row["created_at"], **lists)
