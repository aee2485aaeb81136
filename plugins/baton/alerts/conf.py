"""The conf of a run that an alert started: one builder (the receiver) and one reader (the DAGs), and limits for both.

```
{"alert":  {"source", "route", "status", "fingerprint", "starts_at", "ends_at", "labels", "annotations",
            "generator_url", "silence_url", "group_key", "receiver"},
 "target": {...},     what the route's `conf` makes of the alert
 "others": [...]}     in the one run of a storm: the alerts that got no run of their own
```
Everything in it is text, mappings of texts, or a list of such alerts. It was written by whoever can make an alert fire,
and what looked like a secret in it stands there as `[redacted]`:
a label such as `namespace` may hold a shell command, a path or a template. So a DAG asks for a value by what it has to
be: `object_name("namespace")` gives a name that Kubernetes would accept, or fails. `target[...]` as it stands is for
texts that people read. Never put a value into a command line, a path, an SQL text or a templated field's source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from baton.exceptions import PermanentError
from kubernetes_values import LABEL, SUBDOMAIN, Form

TEXT_LENGTH = 2048
"""Characters of a value, such as an annotation; what is longer is cut and ends with `…`."""
NAME_LENGTH = 256
"""Characters of a label's name, of a fingerprint and of other short texts."""
MAX_ENTRIES = 64
"""Labels, annotations and fields of `target`; the first by name are kept."""
MAX_OTHERS = 200
"""Alerts that the run of a storm names; the table of decisions has them all."""

_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""What databases, terminals and logs choke on; newline and tab may stay."""


class AlertConfError(PermanentError):
    """The run's conf is not one that the receiver writes, or a value in it is not what the DAG needs."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, as a run gets it.

    :param source: the endpoint: `alertmanager`, `grafana`, `jobs` or `generic`.
    :param route: name of the route that matched.
    :param status: `firing` or `resolved`.
    :param fingerprint: the sender's, or one made of the labels.
    :param starts_at: ISO 8601, UTC; when the sender saw it begin.
    :param ends_at: ISO 8601, UTC; empty while it is firing.
    :param generator_url: where the sender says the alert was made; a link for people, not an address to call.
    :param silence_url: where people silence it; empty where the sender does not say.
    """

    source: str
    route: str
    status: str
    fingerprint: str
    starts_at: str
    ends_at: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    generator_url: str = ""
    silence_url: str = ""
    group_key: str = ""
    receiver: str = ""

    @property
    def begin(self) -> datetime:
        """`starts_at` as a moment in UTC.

        :raises AlertConfError: it is none.
        """
        return _moment(self.starts_at, "alert.starts_at")


@dataclass(frozen=True, slots=True)
class AlertConf:
    """A whole conf, read and checked. Made by `read_conf`.

    :param target: what the route's `conf` says, filled in.
    :param others: in the run of a storm: the further alerts, else empty.
    """

    alert: Alert
    target: dict[str, str] = field(default_factory=dict)
    others: list[Alert] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        """A field of `target` as it stands: for people to read, nothing else."""
        return self.target.get(name) or default

    def object_name(self, name: str) -> str:
        """A field of `target` that is the name of a Kubernetes object (RFC 1123 subdomain).

        :raises AlertConfError: it is missing, or no such name.
        """
        return self._checked(name, SUBDOMAIN, "the name of a Kubernetes object")

    def label_name(self, name: str) -> str:
        """A field of `target` that is an RFC 1123 label: a namespace, a container, a Service.

        :raises AlertConfError: it is missing, or no such name.
        """
        return self._checked(name, LABEL, "an RFC 1123 label, as a namespace or a container has")

    def choice(self, name: str, allowed: Iterable[str]) -> str:
        """A field of `target` that is one of the words that the DAG knows.

        :raises AlertConfError: it is missing or another word.
        """
        words = list(allowed)
        if (found := self.target.get(name, "")) not in words:
            raise AlertConfError(f"target.{name} is {_short(found)}, not one of: {', '.join(words)}")
        return found

    def _checked(self, name: str, form: Form, kind: str) -> str:
        found = self.target.get(name, "")
        if not found:
            raise AlertConfError(f"target.{name} is missing: route {self.alert.route!r} has to set it in its conf")
        if not form.fits(found):
            raise AlertConfError(f"target.{name} is {_short(found)}, which is not {kind}")
        return found


def make_conf(alert: Alert, target: Mapping[str, str], others: Iterable[Alert] = ()) -> dict[str, Any]:
    """Build the conf of a run. What is too long is cut: no alert is lost for its size."""
    kept = [asdict(fitting(other)) for _, other in zip(range(MAX_OTHERS), others, strict=False)]
    return {"alert": asdict(fitting(alert)), "target": fitting_texts(target), "others": kept}


def read_conf(conf: Mapping[str, Any] | None) -> AlertConf:
    """Read a run's conf; the opposite of `make_conf`, and as strict with one that somebody typed in the UI.

    :raises AlertConfError: it is not of the documented form, or over its limits.
    """
    found = dict(conf or {})
    if "alert" not in found:
        raise AlertConfError("the run has no conf.alert: this DAG is started by alerts, see docs/alerts.md")
    others = found.get("others") or []
    if not isinstance(others, list) or len(others) > MAX_OTHERS:
        raise AlertConfError(f"others must be a list of at most {MAX_OTHERS} alerts")
    read = [_read_alert(other, f"others[{index}]") for index, other in enumerate(others)]
    return AlertConf(_read_alert(found["alert"], "alert"), _texts(found.get("target") or {}, "target"), read)


def fitting(alert: Alert) -> Alert:
    """The alert within the limits, and without characters that databases refuse."""
    short = {name: fitting_text(getattr(alert, name), NAME_LENGTH) for name in _SHORT}
    long = {name: fitting_text(getattr(alert, name)) for name in _LONG}
    return Alert(**short, **long, labels=fitting_texts(alert.labels), annotations=fitting_texts(alert.annotations))


def fitting_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """At most `MAX_ENTRIES` of the texts, the first by name, each within its length."""
    kept = sorted(texts.items())[:MAX_ENTRIES]
    return {fitting_text(name, NAME_LENGTH): fitting_text(value) for name, value in kept}


def fitting_text(text: str, length: int = TEXT_LENGTH) -> str:
    """The text without control characters, cut to `length`."""
    clean = _NOT_TEXT.sub("\ufffd", text[: length + 1])
    return clean if len(clean) <= length else clean[: length - 1] + "…"


_LONG = ("generator_url", "silence_url", "group_key")
_MAPPINGS = ("labels", "annotations")
_SHORT = tuple(part.name for part in fields(Alert) if part.name not in (*_LONG, *_MAPPINGS))


def _read_alert(found: object, where: str) -> Alert:
    if not isinstance(found, Mapping) or set(found) - {part.name for part in fields(Alert)}:
        raise AlertConfError(f"{where} is not an alert as the receiver writes it: see docs/alerts.md")
    values: dict[str, Any] = {name: _texts(found.get(name) or {}, f"{where}.{name}") for name in _MAPPINGS}
    for name in (*_SHORT, *_LONG):
        limit = TEXT_LENGTH if name in _LONG else NAME_LENGTH
        values[name] = _text(found.get(name, ""), f"{where}.{name}", limit)
    alert = Alert(**values)
    _moment(alert.starts_at, f"{where}.starts_at")
    return alert


def _texts(found: object, where: str) -> dict[str, str]:
    if not isinstance(found, Mapping) or len(found) > MAX_ENTRIES:
        raise AlertConfError(f"{where} must be at most {MAX_ENTRIES} names with texts")
    return {_text(name, where, NAME_LENGTH): _text(value, f"{where}.{name}") for name, value in found.items()}


def _text(found: object, where: str, length: int = TEXT_LENGTH) -> str:
    if not isinstance(found, str) or len(found) > length or _NOT_TEXT.search(found):
        raise AlertConfError(f"{where} must be a text of at most {length} characters without control characters")
    return found


def _moment(text: str, where: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise AlertConfError(f"{where} is {_short(text)}, which is no ISO 8601 time") from err


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
