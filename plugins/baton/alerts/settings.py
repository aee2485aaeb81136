"""What the receiver is told by Airflow's configuration, section `[baton]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from airflow.configuration import conf

_PROJECT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Settings:
    """The receiver's settings.

    :param credentials: `alerts_credentials`: file of the senders; None: nobody may send.
    :param routes: `alerts_routes`: file of the routes.
    :param most_bytes: `alerts_max_body_bytes` of a body.
    :param retention_days: `alerts_retention_days`: how long a decision is kept after its last repeat.
    """

    credentials: Path | None
    routes: Path
    most_bytes: int
    retention_days: int


def read_settings() -> Settings:
    """Read them from the environment and `airflow.cfg`."""
    credentials = conf.get("baton", "alerts_credentials", fallback="")
    routes = conf.get("baton", "alerts_routes", fallback="") or str(_PROJECT / "include" / "alerts" / "routes.yaml")
    return Settings(
        credentials=Path(credentials) if credentials else None,
        routes=Path(routes),
        most_bytes=conf.getint("baton", "alerts_max_body_bytes", fallback=4 * 2**20),
        retention_days=conf.getint("baton", "alerts_retention_days", fallback=30),
    )
