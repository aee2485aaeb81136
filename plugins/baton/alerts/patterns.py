"""Regular expressions that match in linear time, with the syntax that Alertmanager's (RE2) and Python's have in common.

Why not Python's `re`: it backtracks. A label's text comes from outside, and `(a+)+b` on thirty letters would hold the
API server for minutes. All states are followed at once here: the time is at most text times pattern, whatever the text.
As in Alertmanager, the whole text has to match, `.` is any character but a newline, and `\\d`, `\\w`, `\\s` are ASCII.
Source: https://swtch.com/~rsc/regexp/regexp1.html, https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from baton.alerts.patterns_syntax import Alternatives, Char, Edge, Node, PatternError, Repeat, Sequence, parse

__all__ = ["Pattern", "PatternError"]

_MOST_STEPS = 5000
"""Steps of a program; `(a{1000}){1000}` is refused."""


class Pattern:
    """One regular expression.

    :raises PatternError: the text is none, or uses what is not supported.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = _Program()
        self._program.add(parse(text))
        self._program.end()
        self.matches: Callable[[str], bool] = lru_cache(maxsize=1024)(self._matches)

    def _matches(self, text: str) -> bool:
        states = self._program.closure([0], at_begin=True, at_end=not text)
        for index, character in enumerate(text):
            following = self._program.after(states, character)
            if not following:
                return False
            states = self._program.closure(following, at_begin=False, at_end=index == len(text) - 1)
        return self._program.last in states


class _Program:
    """Steps: `Char` consumes one character, `Edge` wants begin or end, a tuple of steps to go on with costs nothing."""

    def __init__(self) -> None:
        self._steps: list[Char | Edge | tuple[int, ...]] = []
        self.last = -1

    def end(self) -> None:
        self.last = self._append(())

    def _append(self, step: Char | Edge | tuple[int, ...]) -> int:
        if len(self._steps) >= _MOST_STEPS:
            raise PatternError(f"it is too large: more than {_MOST_STEPS} steps when its repetitions are written out")
        self._steps.append(step)
        return len(self._steps) - 1

    def add(self, node: Node) -> None:
        if isinstance(node, Sequence):
            for part in node.parts:
                self.add(part)
        elif isinstance(node, Alternatives):
            self._add_alternatives(node)
        elif isinstance(node, Repeat):
            self._add_repeat(node)
        else:
            self._append(node)

    def _add_alternatives(self, node: Alternatives) -> None:
        fork = self._append(())
        starts, ends = [], []
        for part in node.parts:
            starts.append(len(self._steps))
            self.add(part)
            ends.append(self._append(()))
        self._steps[fork] = tuple(starts)
        for end in ends:
            self._steps[end] = (len(self._steps),)

    def _add_repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            self.add(node.part)
        if node.most is None:
            loop = self._append(())
            self.add(node.part)
            self._append((loop,))
            self._steps[loop] = (loop + 1, len(self._steps))
            return
        forks = []
        for _ in range(node.most - node.least):
            forks.append(self._append(()))
            self.add(node.part)
        for fork in forks:
            self._steps[fork] = (fork + 1, len(self._steps))

    def closure(self, states: Iterable[int], *, at_begin: bool, at_end: bool) -> set[int]:
        """All steps that can be reached from these without a character."""
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in reached:
                continue
            reached.add(state)
            step = self._steps[state]
            if isinstance(step, tuple):
                waiting.extend(step)
            elif isinstance(step, Edge) and (at_begin if step.is_begin else at_end):
                waiting.append(state + 1)
        return reached

    def after(self, states: set[int], character: str) -> list[int]:
        """The steps after one character."""
        return [
            state + 1 for state in states if isinstance(step := self._steps[state], Char) and step.accepts(character)
        ]
