"""What a server is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .runtime.attempt import LOG_LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings.

    :param port: 0 takes the port of the last start, or any free one.
    :param isolation: ``auto``, ``mount``, ``user`` or ``none``.
    :param namespaces: made at start if missing; the first one is the kubeconfig's.
    :param slow_seed: not None: play a slow cluster, with this seed.
    :param log_limit_bytes: how much of each container's log is kept; beyond it the oldest part goes.
    :param allocatable: what pods may request together, ``cpu`` and ``memory``; what is not named has no end.
    :param end_pods_on_exit: end the pods when the server ends, instead of leaving them to the next one.
    """

    state: Path
    images: Path
    kubeconfig: Path
    port: int = 0
    isolation: str = "auto"
    image_variables: Mapping[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ("default",)
    allow_host_path: bool = False
    end_pods_on_exit: bool = False
    slow_seed: int | None = None
    log_limit_bytes: int = LOG_LIMIT_BYTES
    allocatable: Mapping[str, str] = field(default_factory=dict)
