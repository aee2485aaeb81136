"""No text ends the process, or makes anything but a value or one error of its own."""

import subprocess
import sys
import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plain_yaml import MAX_DEPTH, UnreadableError, check, load

DEEP = {
    "brackets": "[" * 26_000,
    "braces": "{a: " * 26_000,
    "closed brackets": "[" * 26_000 + "]" * 26_000,
    "brackets over lines": "[\n" * 26_000,
    "dashes": "- " * 26_000,
    "question marks": "? " * 26_000,
    "indents": "".join(f"{' ' * depth}a:\n" for depth in range(1_500)),
    "indented dashes": "".join(f"{' ' * depth}-\n" for depth in range(1_500)),
    "aliases": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300)),
    "below a value": "a: 1\nb: " + "[" * 5_000,
}
LARGE = {
    "aliases": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
    "merges": "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{k: *a{n - 1}, l: *a{n - 1}}}\n" for n in range(1, 60)),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_what_is_nested_too_deeply_is_refused_soon_and_with_its_line(text):
    """In a process of its own: without the limit it would end by a signal."""
    script = (
        "import sys, plain_yaml\n"
        "try: plain_yaml.load(sys.stdin.read())\n"
        "except plain_yaml.UnreadableError as err: print(err)"
    )
    began = time.process_time()
    done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.returncode
    assert "levels deep" in done.stdout
    assert done.stdout.startswith("line ")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_aliases_that_stand_for_too_much_are_refused(text):
    """Whoever walks through the values would need hours."""
    with pytest.raises(UnreadableError, match="aliases within aliases"):
        load(text)


def test_an_alias_is_not_its_own_part():
    """Whoever walks through the values would never end."""
    with pytest.raises(UnreadableError, match="its own part"):
        load("&a [*a]")


def test_depth_up_to_the_limit_is_read():
    """The limit counts levels, aliases' too."""
    assert load("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(UnreadableError, match="levels deep"):
        load("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_a_large_document_without_aliases_is_read():
    """What stands there counts once; only aliases are multiplied."""
    assert len(load("\n".join(f"- {{a: {number}}}" for number in range(60_000)))) == 60_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: ]", 2),
        ("a: 1\na: 2", 2),
        ("a: 1\n---\nb: 2", 2),
        ("a: *b", 1),
        ("a:\n  b: !other 1", 2),
        (f"a: 1\nb: 0x{'f' * 5000}", 2),
        (f"a: 1\nb: {'9' * 5000}", 2),
        (f"b: !!int '{'9' * 5000}'", 1),
    ],
)
def test_an_error_names_its_line(text, line):
    """Counted from 1."""
    with pytest.raises(UnreadableError) as raised:
        load(text)
    assert raised.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "a: !!int x",
        "a: !!float x",
        "a: !!bool x",
        "a: !!timestamp x",
        "!!binary é",
        "\0",
        "a: \ud800",
        b"\xff\xfe\xff",
        "[!!int]",
    ],
)
def test_a_value_that_cannot_be_made_is_the_same_error(text):
    """Whatever PyYAML raises for it."""
    with pytest.raises(UnreadableError):
        load(text)


def test_dates_stay_texts():
    """A file and its JSON form mean the same."""
    assert load("a: 2026-11-30") == {"a": "2026-11-30"}


def test_a_long_text_of_hexadecimal_digits_is_no_number():
    """A digest is a text."""
    assert load(f"a: 9{'af' * 60}") == {"a": f"9{'af' * 60}"}


pieces = st.sampled_from(
    [*"[]{},:?-&*!|>%@#'\"\n \t",
     "a", "1", "0x1", "&a ", "*a", "!!int ", "!!set ", "!!omap ", "!!pairs ", "<<: ", "- ", "? ",
     "2026-01-01", "---\n", ".inf", "1e999", "\0", "é", "\ud800", "!!null ", "!!str ", "!!map ", "!!seq ",
     "!!timestamp "]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(pieces, max_size=40).map("".join))
def test_any_text_is_a_value_or_the_one_error(text):
    """What the two ways through a text say agrees: what passes the check can be composed."""
    with suppress(UnreadableError):
        load(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), inner, max_size=4)
    ),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_what_was_written_is_read_again(value):
    """The limits refuse nothing that people write."""
    check(yaml.safe_dump(value))
    assert load(yaml.safe_dump(value)) == value
