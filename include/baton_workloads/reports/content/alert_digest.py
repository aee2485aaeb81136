"""Alerts since the last digest: what Alertmanager says is firing, and what the alert receiver did."""

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from baton_workloads.errors import DataError
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Figure, Figures, Note, Part, Report, Table
from baton_workloads.reports.period import Period
from baton_workloads.reports.sources import Sources
from baton_workloads.reports.values import Count, Moment, Text, Value

MAX_ALERTS, MAX_DECISIONS = 30, 30
SEVERITIES = {"critical": 0, "page": 0, "error": 1, "warning": 2}

Alert = dict[str, Any]


def alert_digest(sources: Sources, period: Period) -> Report:
    """Give what fires, what began since the last digest, and the receiver's decisions.

    The input ``alerts`` is a document with the parts ``alertmanager`` and ``receiver``, each with a ``state`` (``ok``,
    ``absent``, ``unreachable``) and a list; an absent source is said, not passed over.
    """
    document = sources.document("alerts")
    manager, receiver = document["alertmanager"], document["receiver"]
    alerts = sorted(manager.get("alerts", []), key=_urgency)
    decisions = receiver.get("decisions", [])
    received = sum(int(item.get("count", 1)) for item in decisions) + int(receiver.get("left_out", 0))
    asks_manager = manager["state"] == "ok"
    began = sum(1 for alert in alerts if _moment(alert.get("startsAt"), period) >= period.begin)
    parts: list[Part] = [
        Figures(
            (
                *(_firing_figures(alerts, began) if asks_manager else ()),
                Figure("Received", Count(received)),
            )
        ),
        *_absences(manager, receiver),
        *([_firing(alerts, period)] if asks_manager else []),
        *([_decisions(decisions)] if receiver["state"] == "ok" else []),
    ]
    if asks_manager:
        headline = _headline(alerts, began)
    elif receiver["state"] == "ok":
        headline = f"{_received(received, decisions)} What fires is not known: Alertmanager was not asked."
    else:
        headline = "Neither Alertmanager nor the receiver could be asked."
    return Report("alert_digest", "Alerts", period, headline, parts, facts={"firing": len(alerts), "began": began})


def _firing_figures(alerts: list[Alert], began: int) -> tuple[Figure, ...]:
    return (
        Figure("Firing now", Count(len(alerts))),
        Figure("Critical", Count(sum(1 for alert in alerts if _severity(alert) == "critical"))),
        Figure("Began since", Count(began)),
    )


def _received(count: int, decisions: list[dict[str, Any]]) -> str:
    if not count:
        return "The receiver got no alert."
    most = decisions[0] if decisions else {}
    often = f", most often {Text(str(most.get('alert', ''))).text}" if len(decisions) > 1 else ""
    return f"The receiver got {Count(count).text} alert{'' if count == 1 else 's'}{often}."


def _headline(alerts: list[Alert], began: int) -> str:
    if not alerts:
        return "Nothing is firing."
    names = Counter(_label(alert, "alertname") for alert in alerts)
    most, times = names.most_common(1)[0]
    often = f", most often {Text(most).text} ({times} times)" if times > 1 else ""
    return f"{Count(len(alerts)).text} firing{often}; {Count(began).text} began since the last digest."


def _absences(manager: dict[str, Any], receiver: dict[str, Any]) -> list[Part]:
    reasons = {
        "absent": "is not connected, so this digest does not know what it knows",
        "unreachable": "did not answer, so this digest does not know what it knows",
    }
    named = (("Alertmanager", manager), ("The alert receiver", receiver))
    return [Note(f"{name} {reasons[item['state']]}.", "warning") for name, item in named if item["state"] in reasons]


def _firing(alerts: list[Alert], period: Period) -> Table:
    rows = tuple(
        (
            Text(_label(alert, "alertname")),
            Text(_severity(alert)),
            Text(_where(alert)),
            Moment(_moment(alert.get("startsAt"), period)),
        )
        for alert in alerts[:MAX_ALERTS]
    )
    columns = ("Alert", "Severity", "Where", "Since")
    left_out = max(0, len(alerts) - MAX_ALERTS)
    return Table("Firing now", columns, rows, left_out=left_out, empty="Nothing is firing.")


def _decisions(decisions: list[dict[str, Any]]) -> Table:
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (Text(str(item.get("alert", ""))), Text(str(item.get("decision", ""))), Count(int(item.get("count", 1))))
        for item in decisions[:MAX_DECISIONS]
    )
    left_out = max(0, len(decisions) - MAX_DECISIONS)
    columns = ("Alert", "What was done", "Times")
    return Table("Received", columns, rows, left_out=left_out, empty="No alert was received.")


def _urgency(alert: Alert) -> tuple[int, str]:
    return SEVERITIES.get(_severity(alert), 3), str(alert.get("startsAt", ""))


def _label(alert: Alert, name: str) -> str:
    return str((alert.get("labels") or {}).get(name, ""))


def _severity(alert: Alert) -> str:
    return _label(alert, "severity").lower() or "none"


def _where(alert: Alert) -> str:
    labels = alert.get("labels") or {}
    named = [str(labels[name]) for name in ("namespace", "service", "job", "pod", "instance") if labels.get(name)]
    return " / ".join(named[:2])


def _moment(text: object, period: Period) -> datetime:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(ZoneInfo(period.zone))
    except ValueError as err:
        raise DataError("Alertmanager gave an alert whose startsAt is no time; is that an Alertmanager?") from err


REPORT = Definition("moment", alert_digest)
