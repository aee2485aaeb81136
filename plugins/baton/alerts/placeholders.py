"""Texts with places for parts of an alert: `{{ labels.namespace }}`, `{{ labels.pod | labels.instance | "none" }}`.

Why not Jinja: what is filled in comes from outside, and no part of it may ever be looked at as a template again. There
is nothing here but names, texts and "the first that is not empty".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from baton.alerts.conf import Alert
from baton.exceptions import PermanentError

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CHOICE = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(labels|annotations)\.([^\s|"']+)|(\w+))\s*""")
_PLAIN = ("source", "route", "status", "fingerprint", "starts_at", "ends_at", "generator_url", "group_key", "receiver")


class PlaceholderError(PermanentError):
    """A place in a text is none."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """A constant, a label, an annotation or a field of the alert."""

    kind: str
    name: str

    def of(self, alert: Alert) -> str:
        if self.kind == "text":
            return self.name
        if self.kind == "field":
            return str(getattr(alert, self.name))
        texts: dict[str, str] = getattr(alert, self.kind)
        return texts.get(self.name, "")


class AlertTemplate:
    """One text with its places, read once.

    :raises PlaceholderError: a place is not of the documented form.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        pieces = _PLACE.split(text)
        self._parts: list[str | list[_Choice]] = [
            _choices(piece) if index % 2 else piece for index, piece in enumerate(pieces)
        ]

    def of(self, alert: Alert) -> str:
        """The text for an alert; a place without anything is empty."""
        return "".join(part if isinstance(part, str) else _first(part, alert) for part in self._parts)


def _first(choices: list[_Choice], alert: Alert) -> str:
    return next((text for choice in choices if (text := choice.of(alert))), "")


def _choices(place: str) -> list[_Choice]:
    found: list[_Choice] = []
    at = 0
    while match := _CHOICE.match(place, at):
        found.append(_choice(match, place))
        at = match.end()
        if at == len(place):
            return found
        if place[at] != "|":
            break
        at += 1
    raise PlaceholderError(
        f'{{{{{place}}}}}: give labels.NAME, annotations.NAME, a field or "a text", with | between them'
    )


def _choice(match: re.Match[str], place: str) -> _Choice:
    double, single, kind, name, field = match.groups()
    if kind:
        return _Choice(kind, name)
    if field is None:
        return _Choice("text", double if double is not None else single)
    if field not in _PLAIN:
        raise PlaceholderError(f"{{{{{place}}}}}: an alert has no {field!r}; it has {', '.join(_PLAIN)}")
    return _Choice("field", field)
