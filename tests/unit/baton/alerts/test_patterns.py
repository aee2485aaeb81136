"""Regular expressions of matchers."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from baton.alerts.patterns import Pattern, PatternError

PATTERNS = [
    "",
    "a",
    "ab|ac|",
    "KubePod(CrashLooping|NotReady)",
    "(?:a|b)*abb",
    "a?a?a?aaa",
    "[a-c]+[^a-c]",
    "[]a]",
    "[a-]",
    "[^\\d]x",
    r"\w+-\d{2,4}",
    r"a{2}b{0,1}c{1,}",
    "a.c",
    "^a$|^b",
    r"\.\*",
    "(a(b(c)?)?)+?",
    "(?i)CritiCal|[x-z]+",
    r"[\w.]+@ x",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(deadline=None, max_examples=40)
@given(data=some.data())
def test_matches_what_python_matches(pattern: str, data: some.DataObject) -> None:
    """Within the common syntax both say the same of every text."""
    near = some.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    text = data.draw(some.one_of(near, some.text(alphabet="abcxyzKX-.*@ 019\n_]{},", max_size=12)))
    # Python lets `$` match before a last newline, Go does not.
    assert Pattern(pattern).matches(text) == bool(re.compile(pattern.replace("$", r"\Z"), re.ASCII).fullmatch(text))


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*)*x", "a*a*a*a*a*a*a*b", "(a?){60}a{60}b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """These take a backtracking engine minutes to centuries."""
    began = time.monotonic()
    assert not Pattern(pattern).matches("a" * 2000)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", r"missing \): \(a"),
        ("a)", r"unexpected \): a\)"),
        ("*a", r"no argument for repetition operator: \*"),
        ("a**", r"bad repetition operator: \*\*"),
        ("(?=a)", r"invalid perl operator: \(\?="),
        (r"(a)\1", r"invalid escape sequence: \\1"),
        (r"a\Z", r"invalid escape sequence: \\Z"),
        ("[z-a]", "invalid character class range: z-a"),
        ("[a", r"missing \]: \[a"),
        ("a{2000}", r"invalid repetition size: \{2000\}"),
        ("(a{1000}){1000}", r"invalid repetition size: \{1000\}"),
        (r"((\pL{30}){30}){30}", "bad repetition operator|invalid repetition size|too large"),
        (r"\p{Nobody}", "invalid character class range"),
    ],
)
def test_what_cannot_be_meant_is_refused(pattern: str, message: str) -> None:
    """While the routes are read, not when an alert comes."""
    with pytest.raises(PatternError, match=message):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (r".*\bdown\b.*", ["is down", "down!"], ["countdown", "downtime"]),
        ("(?s)a.c", ["a\nc", "abc"], ["ac"]),
        ("a.c", ["abc"], ["a\nc"]),
        ("(?P<name>a)", ["a"], ["b"]),
        (r"\pL+", ["aé字"], ["1", ""]),
        (r"\p{Greek}", ["λ"], ["a"]),
        ("[[:alpha:]]+", ["abZ"], ["é", "1"]),
        (r"\d", ["1"], ["٣"]),
        ("a(?i)b", ["ab", "aB"], ["Ab"]),
        ("^*a", ["a"], ["^a"]),
        ("a$", ["a"], ["a\n"]),
        (r"\Qa.b\E", ["a.b"], ["axb"]),
        ("a|ab", ["a", "ab"], ["b"]),
        ("(" * 60 + ")" * 60, [""], ["a"]),
        (".", ["\ud800", "é", "😀"], ["", "ab", "\n"]),
        ("\ufffd", ["\udfff"], ["?"]),
        ("a\x00b", ["a\x00b"], ["a"]),
    ],
)
def test_the_dialect_of_alertmanager(pattern: str, right: list[str], wrong: list[str]) -> None:
    """A matcher of Alertmanager's configuration can be copied; also texts that cannot be encoded are matched."""
    assert [text for text in right if not Pattern(pattern).matches(text)] == []
    assert [text for text in wrong if Pattern(pattern).matches(text)] == []


@settings(deadline=None)
@given(some.text(alphabet="a(|)*+?{1,2}[]^$\\d.-", max_size=20))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    """No other error, no endless loop."""
    try:
        Pattern(text).matches("aa1")
    except PatternError as err:
        assert str(err)  # noqa: PT017  (either of the two is right)
