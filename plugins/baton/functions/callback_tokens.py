"""Addresses for callbacks that only their receiver could have made.

An address names the task that waits and when it expires, and is signed (HMAC-SHA256). So the route needs no login,
keeps no list of what it expects, and survives any restart. Whoever has an address can post one answer to that one call,
nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from baton.exceptions import BatonError

PATH = "/baton/functions/v1/callbacks"
TOKEN_HEADER = "X-Baton-Callback-Token"  # noqa: S105  (a header's name)
"""Of the question whether an answer has come: unlike a path, a header stands in no access log."""
OURS_HEADER = "X-Baton-Callbacks"
"""Of each answer of the route: what lacks it was answered by a proxy or a login page before it."""
_MAX_TOKEN_LENGTH = 4096
_DOMAIN = b"baton function callback v1\0"


class InvalidTokenError(BatonError):
    """Not signed with one of our keys, or not whole."""


class ExpiredTokenError(BatonError):
    """Signed by us, but its time is over."""


@dataclass(frozen=True)
class Callback:
    """What an address stands for.

    :param call_id: of the call whose answer is awaited.
    :param expires_at: Unix seconds.
    :param limit_bytes: largest answer that is taken.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    call_id: str
    expires_at: int
    limit_bytes: int

    def serialize(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


class Signer:
    """Signs and reads tokens.

    :param keys: the first signs, all are accepted: a new key takes over while calls with the old one are under way.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not all(keys) or not keys:
            raise ValueError("a key to sign callbacks with must not be empty")
        self._keys = [key.encode() for key in keys]

    def sign(self, callback: Callback) -> str:
        """Return the token, the last part of the address."""
        content = json.dumps(list(asdict(callback).values()), separators=(",", ":")).encode()
        return f"{_encode(content)}.{_encode(_signature(self._keys[0], content))}"

    def read(self, token: str, now: float) -> Callback:
        """Check a token and return what it stands for.

        :raises InvalidTokenError: it is not ours.
        :raises ExpiredTokenError: its time is over.
        """
        content, signature = _split(token)
        if not any(hmac.compare_digest(signature, _signature(key, content)) for key in self._keys):
            raise InvalidTokenError("not signed by us")
        try:
            callback = Callback(*json.loads(content))
        except (TypeError, ValueError) as err:
            raise InvalidTokenError("signed by another version of us") from err
        if callback.expires_at < now:
            raise ExpiredTokenError(f"the callback of call {callback.call_id} came too late")
        return callback


def _signature(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, _DOMAIN + content, hashlib.sha256).digest()


def _split(token: str) -> tuple[bytes, bytes]:
    if len(token) > _MAX_TOKEN_LENGTH or not token.isascii() or token.count(".") != 1:
        raise InvalidTokenError("not a token")
    content, signature = token.split(".")
    try:
        return _decode(content), _decode(signature)
    except (binascii.Error, ValueError):
        raise InvalidTokenError("not a token") from None


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(content) != text:
        raise InvalidTokenError("not a token")  # the same bytes can be written in several ways; ours is one of them
    return content
