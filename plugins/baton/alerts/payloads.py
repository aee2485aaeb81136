"""What the receiver makes of webhook bodies, and how the usual ones are read; each sender's own form is in `senders`.

Alertmanager and Grafana send the same form, and both can be set to send another (templated payloads). So what is read
is what an alert needs, wherever it stands: a list `alerts`, a bare list, or one alert. Labels are needed; a fingerprint
is made of them where there is none. What cannot be read is named, beside what can.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config,
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from baton.alerts.conf import Alert, fitting, fitting_text
from baton.exceptions import PermanentError

JOBS = "jobs"
"""The sender whose alerts are orders; a route takes them only if it names this source."""
_RESOLVED = {"resolved", "ok", "normal", "inactive"}
_FRACTION = re.compile(r"(\.\d{6})\d+")
_PLAIN_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class BodyError(PermanentError):
    """The whole body cannot be read."""


@dataclass(frozen=True, slots=True)
class Received:
    """One alert of a body.

    :param alert: its `starts_at` is empty where the sender named no start.
    :param problem: why it cannot be read, else empty; what could be read is in `alert`.
    """

    alert: Alert
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """A body.

    :param left_out: how many alerts the sender says that it left out (`truncatedAlerts`).
    """

    received: list[Received]
    left_out: int = 0
    group_key: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What a body says once for all of its alerts."""

    key: str = ""
    receiver: str = ""
    status: str = ""


def read_alerts(document: Any, source: str) -> Post:
    """Read the alerts of a document, in whichever of the usual forms they stand.

    :param source: the sender's name.
    :raises BodyError: it holds no alerts.
    """
    group = document if isinstance(document, dict) else {}
    entries = document if isinstance(document, list) else group.get("alerts")
    if entries is None and isinstance(document, dict) and "labels" in document:
        entries, group = [document], {}
    if not isinstance(entries, list):
        raise BodyError("the body must be an object with a list `alerts`, a list of alerts, or one alert with `labels`")
    left_out = group.get("truncatedAlerts", 0)
    common = Group(*(fitting_text(word(group.get(name))) for name in ("groupKey", "receiver", "status")))
    received = [read_alert(entry, source, common) for entry in entries]
    return Post(received, left_out if isinstance(left_out, int) and left_out > 0 else 0, common.key)


def begun_at(post: Post, moment: datetime) -> Post:
    """Let alerts that name no start begin at a moment that stays the same when the body is sent again."""
    begin = moment.isoformat()
    return replace(post, received=[_begun_at(received, begin) for received in post.received])


def _begun_at(received: Received, begin: str) -> Received:
    alert = received.alert
    return received if alert.starts_at else replace(received, alert=replace(alert, starts_at=begin))


def read_alert(entry: object, source: str, group: Group) -> Received:
    """Read one alert as Alertmanager writes it; what cannot be read is said in the result."""
    try:
        return Received(fitting(_alert(entry, source, group)))
    except _UnreadableError as err:
        nameless = Alert(source, "", "unreadable", fingerprint_of(_written(entry)), "", group_key=group.key)
        return Received(fitting(nameless), fitting_text(str(err)))


class _UnreadableError(Exception):
    """One alert of a body cannot be read."""


def _alert(entry: object, source: str, group: Group) -> Alert:
    if not isinstance(entry, dict):
        raise _UnreadableError(f"an alert must be an object, not {_kind(entry)}")
    labels = dict(_texts(entry.get("labels"), "labels"))
    if not labels:
        raise _UnreadableError("the alert has no labels")
    annotations = dict(_texts(entry.get("annotations") or {}, "annotations"))
    starts_at = _time(entry.get("startsAt", entry.get("starts_at")), "startsAt")
    is_resolved = (word(entry.get("status")) or group.status).lower() in _RESOLVED
    ends_at = _time(entry.get("endsAt", entry.get("ends_at")), "endsAt") if is_resolved else ""
    fingerprint = word(entry.get("fingerprint"))
    if not _PLAIN_ID.fullmatch(fingerprint):
        fingerprint = fingerprint_of(fingerprint or json.dumps(sorted(labels.items())))
    return Alert(
        source=source,
        route="",
        status="resolved" if is_resolved else "firing",
        fingerprint=fingerprint,
        starts_at=starts_at,
        ends_at=ends_at,
        labels=labels,
        annotations=annotations,
        generator_url=word(entry.get("generatorURL", entry.get("generator_url"))),
        group_key=group.key,
        receiver=group.receiver,
    )


def _texts(found: object, where: str) -> Iterator[tuple[str, str]]:
    """Names with texts. Numbers and booleans become texts, as other senders than Alertmanager write them."""
    if not isinstance(found, Mapping):
        raise _UnreadableError(f"{where} must be an object, not {_kind(found)}")
    for name, value in found.items():
        if isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, str | int | float):
            yield name, str(value)
        elif value is not None:
            raise _UnreadableError(f"{where}.{str(name)[:80]} must be a text, not {_kind(value)}")


def word(found: object) -> str:
    """Give a text, or an empty one for anything else."""
    return found if isinstance(found, str) else ""


def _kind(found: object) -> str:
    return {type(None): "null", list: "a list", dict: "an object", str: "a text"}.get(type(found), "a number")


def _time(found: object, where: str) -> str:
    """A time as ISO 8601 in UTC; empty for none, and for Go's zero time."""
    if found in (None, ""):
        return ""
    if not isinstance(found, str):
        raise _UnreadableError(f"{where} must be an RFC 3339 time, not {_kind(found)}")
    try:
        # RFC 3339 from Go has up to nine digits of a second.
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", found))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise _UnreadableError(f"{where} is no RFC 3339 time: {found[:80]!r}") from err
    return "" if moment.year == 1 else moment.isoformat()


def _written(entry: object) -> str:
    try:
        return json.dumps(entry, sort_keys=True)
    except RecursionError:
        return "nested too deeply"


def fingerprint_of(text: str) -> str:
    """Give an alert's name by what it says, for senders that give none."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
