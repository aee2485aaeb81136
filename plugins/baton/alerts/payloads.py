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
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from baton.alerts.conf import Alert, fitting, fitting_text
from baton.alerts.times import NO_START, MomentError, read_moment
from baton.exceptions import PermanentError

JOBS = "jobs"
"""The sender whose alerts are orders; a route takes them only if it names this source."""
SILENCED = "silenced"
"""The status of an alert that goes on and of which its sender says that nobody is to be told."""
_RESOLVED = {"resolved", "ok", "normal", "inactive", "closed", "cleared", "recovered"}
_SILENCED = {SILENCED, "suppressed", "inhibited", "muted"}
_PLAIN_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class BodyError(PermanentError):
    """The whole body cannot be read."""


@dataclass(frozen=True, slots=True)
class Received:
    """One alert of a body.

    :param alert: its `starts_at` is empty where the sender named no start.
    :param problem: why it cannot be read, else empty; what could be read is in `alert`.
    :param remark: what people should know although it could be read.
    """

    alert: Alert
    problem: str = ""
    remark: str = ""


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
    external_url: str = ""


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
    common = Group(*(fitting_text(word(group.get(name))) for name in ("groupKey", "receiver", "status", "externalURL")))
    received = [read_alert(entry, source, common) for entry in entries]
    return Post(received, left_out if isinstance(left_out, int) and left_out > 0 else 0, common.key)


def begun_at(post: Post, moment: datetime) -> Post:
    """Let alerts that name no start begin at a moment that stays the same when the body is sent again."""
    begin = moment.isoformat()
    return replace(post, received=[_begun_at(received, begin) for received in post.received])


def told_apart_by(post: Post, digest: str) -> Post:
    """Let alerts that name no start be those of their body: the same body again is the same alert, another is not.

    For signatures without a time, which whoever saw a request could send again for ever.
    """
    return replace(post, received=[_told_apart_by(received, digest) for received in post.received])


def _begun_at(received: Received, begin: str) -> Received:
    alert = received.alert
    return received if alert.starts_at else replace(received, alert=replace(alert, starts_at=begin))


def _told_apart_by(received: Received, digest: str) -> Received:
    alert = received.alert
    if alert.starts_at:
        return received
    made = fingerprint_of(f"{digest}\n{alert.fingerprint}")
    return replace(received, alert=replace(alert, starts_at=NO_START, fingerprint=made))


def read_alert(entry: object, source: str, group: Group) -> Received:
    """Read one alert as Alertmanager writes it; what cannot be read is said in the result."""
    try:
        return _received(entry, source, group)
    except _UnreadableError as err:
        return unreadable(entry, source, group, str(err))


def unreadable(entry: object, source: str, group: Group, problem: str) -> Received:
    """What is known of an alert that cannot be read: its labels, as far as they are texts, for people."""
    labels: dict[str, str] = {}
    if isinstance(entry, Mapping) and isinstance(entry.get("labels"), Mapping):
        labels = {str(name): value for name, value in entry["labels"].items() if isinstance(value, str)}
    known = Alert(source, "", "unreadable", fingerprint_of(_written(entry)), "", labels=labels, group_key=group.key)
    return Received(fitting(known), fitting_text(problem))


class _UnreadableError(Exception):
    """One alert of a body cannot be read."""


def _received(entry: object, source: str, group: Group) -> Received:
    if not isinstance(entry, dict):
        raise _UnreadableError(f"an alert must be an object, not {_kind(entry)}")
    labels = dict(_texts(entry.get("labels"), "labels"))
    if not labels:
        raise _UnreadableError("the alert has no labels")
    starts_at, remark = _start(entry)
    ends_at = _end(entry)
    status = _status(entry, group, ends_at)
    fingerprint = word(entry.get("fingerprint"))
    if not _PLAIN_ID.fullmatch(fingerprint):
        fingerprint = fingerprint_of(fingerprint or json.dumps(sorted(labels.items())))
    alert = Alert(
        source=source,
        route="",
        status=status,
        fingerprint=fingerprint,
        starts_at=starts_at,
        ends_at=ends_at if status == "resolved" else "",
        labels=labels,
        annotations=dict(_texts(entry.get("annotations") or {}, "annotations")),
        generator_url=word(entry.get("generatorURL", entry.get("generator_url"))),
        silence_url=word(entry.get("silenceURL")) or _silence_url(group, labels),
        group_key=group.key,
        receiver=group.receiver,
    )
    return Received(fitting(alert), remark=fitting_text(remark))


def _start(entry: dict[str, Any]) -> tuple[str, str]:
    """The start, and a remark where it cannot be read: an alert is not lost for the form of its time."""
    try:
        return read_moment(entry.get("startsAt", entry.get("starts_at"))), ""
    except MomentError as err:
        return "", f"startsAt: {err}, so each post of it is a new alert"


def _end(entry: dict[str, Any]) -> str:
    with suppress(MomentError):
        return read_moment(entry.get("endsAt", entry.get("ends_at")))
    return ""


def _status(entry: dict[str, Any], group: Group, ends_at: str) -> str:
    """What the alert says, else its group, else as Alertmanager decides it: over if its end is past."""
    found = entry.get("status")
    if isinstance(found, Mapping):  # of Alertmanager's API
        found = found.get("state") if not (found.get("silencedBy") or found.get("inhibitedBy")) else SILENCED
        found = "" if found in ("active", "unprocessed") else found
    if not (said := (word(found) or group.status).strip().lower()):
        return "resolved" if ends_at and datetime.fromisoformat(ends_at) <= datetime.now(UTC) else "firing"
    return "resolved" if said in _RESOLVED else SILENCED if said in _SILENCED else "firing"


def _silence_url(group: Group, labels: Mapping[str, str]) -> str:
    """Alertmanager's own page for a new silence; empty where the sender does not name its address."""
    if not group.external_url or not group.key:
        return ""
    matchers = ",".join(f"{name}={json.dumps(text)}" for name, text in sorted(labels.items()))
    return f"{group.external_url.rstrip('/')}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"


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


def _written(entry: object) -> str:
    try:
        return json.dumps(entry, sort_keys=True)
    except RecursionError:
        return "nested too deeply"


def fingerprint_of(text: str) -> str:
    """Give an alert's name by what it says, for senders that give none."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
