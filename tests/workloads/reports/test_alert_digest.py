"""What the digest of alerts says when a source of it is not there."""

from datetime import UTC, datetime
from typing import Any

import pytest

from baton_workloads.reports.content.alert_digest import alert_digest
from baton_workloads.reports.model import Figures, Table
from baton_workloads.reports.period import Period

PERIOD = Period(
    "moment",
    "2026-11-20T08",
    "now",
    datetime(2026, 11, 19, 8, tzinfo=UTC),
    datetime(2026, 11, 20, 8, tzinfo=UTC),
    "UTC",
)
FIRING = {"labels": {"alertname": "Down", "severity": "critical"}, "startsAt": "2026-11-20T07:00:00Z"}
DECISIONS = [{"alert": "Down", "decision": "made a run", "count": 14_000}, {"alert": "Up", "decision": "x", "count": 2}]


class Inputs:
    def __init__(self, manager: dict[str, Any], receiver: dict[str, Any]) -> None:
        self._found = {"alertmanager": manager, "receiver": receiver}

    def document(self, _: str) -> dict[str, Any]:
        return self._found


@pytest.mark.parametrize(
    ("manager", "receiver", "headline", "figures"),
    [
        (
            {"state": "absent"},
            {"state": "ok", "decisions": DECISIONS, "left_out": 998},
            "The receiver got 15,000 alerts, most often Down. What fires is not known: Alertmanager was not asked.",
            ["Received"],
        ),
        (
            {"state": "unreachable"},
            {"state": "ok", "decisions": [], "left_out": 0},
            "The receiver got no alert. What fires is not known: Alertmanager was not asked.",
            ["Received"],
        ),
        (
            {"state": "ok", "alerts": []},
            {"state": "absent"},
            "Nothing is firing.",
            ["Firing now", "Critical", "Began since", "Received"],
        ),
        (
            {"state": "absent"},
            {"state": "unreachable"},
            "Neither Alertmanager nor the receiver could be asked.",
            ["Received"],
        ),
    ],
)
def test_headline_says_only_what_is_known(
    manager: dict[str, Any], receiver: dict[str, Any], headline: str, figures: list[str]
) -> None:
    """A digest that says that nothing fires, because nobody was asked, would be believed."""
    report = alert_digest(Inputs(manager, receiver), PERIOD)  # type: ignore[arg-type]
    assert report.headline.replace("\u202f", ",").replace("\u00a0", ",") == headline
    shown = [figure.label for part in report.parts if isinstance(part, Figures) for figure in part.figures]
    assert shown == figures
    titles = [part.title for part in report.parts if isinstance(part, Table)]
    assert ("Firing now" in titles) == (manager["state"] == "ok")
