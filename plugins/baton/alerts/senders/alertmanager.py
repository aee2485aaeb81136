"""Alertmanager: its webhook, version 4, as `payloads` describes it."""

from __future__ import annotations

from typing import Any

from baton.alerts.payloads import Post, read_alerts


def read(document: Any) -> Post:
    """Read a body."""
    return read_alerts(document, "alertmanager")
