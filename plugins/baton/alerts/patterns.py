"""Regular expressions that match in linear time: RE2, the dialect of Alertmanager's matchers.

Why not Python's `re`: it backtracks. A label's text comes from outside, and `(a+)+b` on thirty letters would hold the
API server for minutes. As in Alertmanager, the whole text has to match, and `.` is any character but a newline.
Source: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re2

from baton.exceptions import PermanentError

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class PatternError(PermanentError):
    """A text is no regular expression of RE2."""


class Pattern:
    """One regular expression.

    :raises PatternError: the text is none; what is wrong is in the message.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled = re2.compile(_encodable(text), _OPTIONS)
        except re2.error as err:
            raise PatternError(f"{_reason(err)} in {text!r}, which has to be a regular expression of RE2") from err

    def matches(self, text: str) -> bool:
        """Whether the whole text does."""
        return self._compiled.fullmatch(_encodable(text)) is not None


def _encodable(text: str) -> str:
    """The text with halves of surrogate pairs replaced, as Go's reader of JSON replaces them: RE2 reads UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _reason(err: Exception) -> str:
    said = err.args[0]
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
