"""Who a request comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_ACCOUNT = "system:serviceaccount:"
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True)
class User:
    """A name, and the groups it belongs to. ``extra`` tells which credential was shown."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_master(self) -> bool:
        """Whether it may do everything, whatever Roles there are."""
        return MASTERS in self.groups

    @property
    def account(self) -> tuple[str, str] | None:
        """Namespace and name of a service account; None for another user."""
        if not self.name.startswith(_ACCOUNT):
            return None
        namespace, _, name = self.name.removeprefix(_ACCOUNT).partition(":")
        return namespace, name

    def info(self) -> dict[str, Any]:
        """As reviews show it."""
        shown: dict[str, Any] = {"username": self.name}
        if self.uid:
            shown["uid"] = self.uid
        shown["groups"] = list(self.groups)
        return {**shown, "extra": self.extra} if self.extra else shown


USER = "user"
"""Where a request carries who sent it."""
ADMIN = User("kubernetes-admin", (MASTERS, AUTHENTICATED))


def account_user(namespace: str, name: str, uid: str = "", credential: str = "") -> User:
    """The user that a service account is.

    :param credential: the id of the token that was shown.
    """
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    extra = {"authentication.kubernetes.io/credential-id": [f"JTI={credential}"]} if credential else {}
    return User(f"{_ACCOUNT}{namespace}:{name}", groups, uid, extra)


def user_of(request: web.Request) -> User:
    """Who sent a request, as the guard has found out."""
    user: User = request[USER]
    return user
