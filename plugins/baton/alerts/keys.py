"""Names by which the same alert is known again: the run's id and the key that cooldowns go by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from baton.alerts.conf import Alert


def run_id(route: str, alert: Alert, starts_at: datetime) -> str:
    """The id of an alert's run: of route, fingerprint and start, so that Airflow itself refuses a second one.

    It has only what Airflow lets into an id: `^[A-Za-z0-9_.~:+-]+$`.
    """
    return f"alert__{route}__{alert.fingerprint}__{starts_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def storm_run_id(route: str, window: datetime) -> str:
    """The id of the one run that names the alerts beyond the budget of a window."""
    return f"alert__{route}__storm__{window.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def window_of(now: datetime, per: timedelta) -> datetime:
    """The begin of the budget's window: windows are aligned to the clock, the same for every api-server."""
    seconds = per.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def cooldown_key(alert: Alert, labels: Iterable[str]) -> str:
    """What alerts share that share a cooldown: the labels that the route names, else the fingerprint.

    :returns: at most 64 characters.
    """
    names = list(labels)
    if not names:
        return alert.fingerprint
    text = "\x00".join(f"{name}\x01{alert.labels.get(name, '')}" for name in names)
    return sha256(text.encode()).hexdigest()[:32]
