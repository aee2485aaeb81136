"""The syntax of `baton.alerts.patterns`: from the text of a regular expression to a tree."""

from __future__ import annotations

import string
from dataclasses import dataclass

from baton.exceptions import PermanentError

_DIGITS = frozenset(string.digits)
_WORD = frozenset(string.ascii_letters + string.digits + "_")
_SPACE = frozenset("\t\n\f\r ")
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_MOST_REPEATS = 1000
"""As in RE2."""


class PatternError(PermanentError):
    """A regular expression cannot be read, or uses what is not supported."""


@dataclass(frozen=True, slots=True)
class Char:
    """One character of a set.

    :param ranges: pairs of first and last character.
    :param classes: sets, each with whether it is the characters *outside* of it that are meant.
    """

    ranges: tuple[tuple[str, str], ...] = ()
    classes: tuple[tuple[frozenset[str], bool], ...] = ()
    is_negated: bool = False
    ignores_case: bool = False

    def accepts(self, character: str) -> bool:
        """Whether the character is one of them."""
        variants = {character, character.lower(), character.upper()} if self.ignores_case else (character,)
        return any(self._holds(variant) for variant in variants) != self.is_negated

    def _holds(self, character: str) -> bool:
        return any(first <= character <= last for first, last in self.ranges) or any(
            (character in members) != is_outside for members, is_outside in self.classes
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """`^` or `$`: the begin or the end of the text."""

    is_begin: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part `least` to `most` times; None: without end."""

    part: Node
    least: int
    most: int | None


Node = Char | Edge | Sequence | Alternatives | Repeat


def parse(text: str) -> Node:
    """Read a regular expression.

    :raises PatternError: with the position of what is wrong.
    """
    ignores_case = text.startswith("(?i)")
    reader = _Reader(text, 4 if ignores_case else 0, ignores_case)
    tree = reader.alternatives()
    if reader.at < len(text):
        raise reader.error("a `)` without its `(`")
    return tree


class _Reader:
    """Recursive descent over one text."""

    def __init__(self, text: str, at: int, ignores_case: bool) -> None:
        self.text, self.at, self._ignores_case, self._depth = text, at, ignores_case, 0

    def error(self, what: str) -> PatternError:
        return PatternError(f"{what} at character {self.at + 1} of {self.text!r}")

    def _take(self, expected: str) -> bool:
        if not self.text.startswith(expected, self.at):
            return False
        self.at += len(expected)
        return True

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise self.error("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def alternatives(self) -> Node:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return Sequence(tuple(parts))

    def _repeated(self, atom: Node) -> Node:
        limits = self._limits()
        if limits is None:
            return atom
        if isinstance(atom, Edge):
            raise self.error("`^` and `$` cannot be repeated")
        self._take("?")  # lazy: whether it matches is the same
        if self.at < len(self.text) and self.text[self.at] in "*+?":
            raise self.error("a repetition of a repetition")
        return Repeat(atom, *limits)

    def _limits(self) -> tuple[int, int | None] | None:
        for sign, limits in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return limits
        end = self.text.find("}", self.at)
        if self.at >= len(self.text) or self.text[self.at] != "{" or end < 0:
            return None
        least, comma, most = self.text[self.at + 1 : end].partition(",")
        if not least.isascii() or not least.isdigit() or (most and not (most.isascii() and most.isdigit())):
            return None  # a brace that means itself
        self.at = end + 1
        low, high = int(least[:9]), (int(most[:9]) if most else None if comma else int(least[:9]))
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and high < low):
            raise self.error(f"a repetition of more than {_MOST_REPEATS}, or one that ends before it begins,")
        return low, high

    def _atom(self) -> Node:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._set()
        if character == ".":
            return Char(ranges=(("\n", "\n"),), is_negated=True)
        if character in "^$":
            return Edge(is_begin=character == "^")
        if character == "\\":
            return self._escape()
        if character in "*+?":
            raise self.error(f"`{character}` has nothing to repeat")
        return self._char(character)

    def _char(self, character: str) -> Char:
        return Char(ranges=((character, character),), ignores_case=self._ignores_case)

    def _group(self) -> Node:
        if self.text.startswith("?", self.at) and not self._take("?:"):
            raise self.error("of the groups that begin with `(?` only `(?:` is supported, and `(?i)` at the begin,")
        self._depth += 1
        if self._depth > 50:
            raise self.error("groups are nested too deeply")
        inside = self.alternatives()
        self._depth -= 1
        if not self._take(")"):
            raise self.error("a `(` without its `)`")
        return inside

    def _escape(self) -> Node:
        character = self._next()
        if character.lower() in _CLASSES:
            return Char(classes=((_CLASSES[character.lower()], character.isupper()),))
        if character in "Az":
            return Edge(is_begin=character == "A")
        return self._char(self._literal(character))

    def _literal(self, character: str) -> str:
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isascii() and character.isalnum():
            raise self.error(f"`\\{character}` is not supported")
        return character

    def _set(self) -> Char:
        is_negated = self._take("^")
        ranges: list[tuple[str, str]] = []
        classes: list[tuple[frozenset[str], bool]] = []
        is_first = True
        while is_first or not self._take("]"):
            is_first = False
            first = self._member(classes)
            if first is None:
                continue
            last = first
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                last = self._member(classes) or ""
            if last < first:
                raise self.error("a range of characters that ends before it begins")
            ranges.append((first, last))
        return Char(tuple(ranges), tuple(classes), is_negated, self._ignores_case)

    def _member(self, classes: list[tuple[frozenset[str], bool]]) -> str | None:
        """One character of a set, or None if it was a class such as `\\d`, which is then in `classes`."""
        if self.text.startswith("[:", self.at):
            raise self.error("`[:name:]` is not supported")
        character = self._next()
        if character != "\\":
            return character
        character = self._next()
        if character.lower() not in _CLASSES:
            return self._literal(character)
        classes.append((_CLASSES[character.lower()], character.isupper()))
        return None
