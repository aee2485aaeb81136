"""Which rights were used: one line for each, written as it is used for the first time.

Why: a right that nobody uses is one too many, and only a run shows which those are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .attributes import Attributes
from .rbac import Rbac
from .tokens import Tokens
from .users import User

FILE = "rights-used.jsonl"


class Uses:
    """What service accounts have done, in a file of lines ``{"account": …, "verb": …, "resource": …, …}``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = set(path.read_text().splitlines()) if path.exists() else set()

    def note(self, user: User, wanted: Attributes, *, allowed: bool) -> None:
        """Remember what an account did, or was refused."""
        account = user.account
        if account is None or wanted.path:
            return
        line = json.dumps(
            {
                "account": "/".join(account),
                "verb": wanted.verb,
                "group": wanted.group,
                "resource": wanted.full_resource,
                "namespace": wanted.namespace,
                "allowed": allowed,
            }
        )
        if line not in self._known:
            self._known.add(line)
            with self._path.open("a") as file:
                file.write(f"{line}\n")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what, and what was used of it."""

    tokens: Tokens
    rbac: Rbac
    uses: Uses
