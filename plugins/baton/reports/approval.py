"""Whether a day's books can be closed, or somebody has to look first."""

from __future__ import annotations


def who_closes(needs_approval: str) -> str:
    """Give the task that goes on.

    :param needs_approval: what the reconciliation found, as its template renders it.
    """
    return "approve" if needs_approval == "True" else "close"
