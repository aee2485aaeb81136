"""What the receiver needs of the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baton.settings import settings


@dataclass(frozen=True, slots=True)
class Settings:
    """The receiver's settings.

    :param credentials: file of the senders; None: nobody may send.
    :param routes: file of the routes; None: the installation names neither `alerts_routes` nor `data_folder`.
    :param max_bytes: of a body.
    :param retention_days: how long a decision is kept after its last repeat.
    :param senders: folder of the installation's own mappings; need not exist.
    """

    credentials: Path | None
    routes: Path | None
    max_bytes: int
    retention_days: int
    senders: Path | None = None


def read_settings() -> Settings:
    """Take them from the installation's."""
    found = settings()
    usual = {name: found.data("alerts", name) if found.data_folder else None for name in ("routes.yaml", "senders")}
    return Settings(
        credentials=found.alerts_credentials,
        routes=found.alerts_routes or usual["routes.yaml"],
        max_bytes=found.alerts_max_body_bytes,
        retention_days=found.alerts_retention_days,
        senders=found.alerts_senders or usual["senders"],
    )
