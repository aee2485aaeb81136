"""Matchers as Alertmanager has them: `name="text"`, `!=`, and `=~`, `!~` with regular expressions for the whole text.

A label that an alert does not have is the empty text, as there.
Source: https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from baton.alerts.patterns import Pattern, PatternError
from baton.exceptions import PermanentError

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(rf"""\s*({_QUOTED}|[^\s=!~{{}}",]+)\s*(=~|!~|!=|=)\s*({_QUOTED}|[^\s"{{}},]*)\s*""")
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


class MatcherError(PermanentError):
    """A matcher cannot be read."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    name: str
    operator: str
    value: str
    pattern: Pattern | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert's labels fulfil it."""
        text = labels.get(self.name, "")
        is_equal = self.pattern.matches(text) if self.pattern else text == self.value
        return is_equal != self.operator.startswith("!")

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{value}"'


def read_matchers(text: str) -> list[Matcher]:
    """Read one matcher or several with commas between them, with or without braces around them.

    :raises MatcherError: what cannot be read is in the message.
    """
    inside = text.strip()
    if inside.startswith("{") and inside.endswith("}"):
        inside = inside[1:-1].strip().removesuffix(",")
    found: list[Matcher] = []
    at = 0
    while at < len(inside):
        if (match := _MATCHER.match(inside, at)) is None:
            raise MatcherError(f'no matcher, as name="text": {inside[at:]!r}')
        found.append(_matcher(*match.groups()))
        at = match.end()
        if at < len(inside):
            if inside[at] != ",":
                raise MatcherError(f"a comma is missing before {inside[at:]!r}")
            at += 1
    if not found:
        raise MatcherError("an empty text is no matcher")
    return found


def _matcher(name: str, operator: str, value: str) -> Matcher:
    name, value = _plain(name), _plain(value)
    if not operator.endswith("~"):
        return Matcher(name, operator, value)
    try:
        return Matcher(name, operator, value, Pattern(value))
    except PatternError as err:
        raise MatcherError(f"the regular expression of {name!r} cannot be read: {err}") from err


def _plain(text: str) -> str:
    if not text.startswith('"'):
        return text
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), text[1:-1], flags=re.DOTALL)
