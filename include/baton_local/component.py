"""What the stack starts: one long-running process each, with the question that tells when it is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx


@dataclass(frozen=True)
class Component:
    """One supervised process.

    :param name: also the name of its log file.
    :param command: argument list, run in the foreground.
    :param is_ready: asked until true after the start; must not block longer than a few seconds.
    :param environment: variables beyond the inherited ones; may hold secrets, written to a 0600 file only.
    :param stop_signal: the signal that ends it in order.
    :param stop_seconds: how long it may take to end before SIGKILL.
    :param order: components with a higher number stop before those with a lower one.
    :param sweeps: whether a start ends what an earlier, killed process of this component left behind.
    :param ready_seconds: how long it may take to become ready.
    """

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    order: int = 1
    sweeps: bool = True
    ready_seconds: int = 300


def is_healthy(port: int) -> bool:
    """Whether a server of this machine answers ``/healthz``."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).is_success
    except httpx.HTTPError:
        return False
