"""Each command in a block of README and docs is run by a test, or stands in a list with the reason why not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.shown_commands import CATALOGUE, commands, entries, matches, shown

PROJECT = Path(__file__).parents[3]


def test_each_command_has_an_entry():
    """In tests/shown_commands.yaml; a new one is written down there with the test that runs it."""
    listed = entries()
    assert len(shown()) > 100
    missing = [
        f"{page}: {command}" for page, command in shown() if not any(matches(p, page, command) for _, p in listed)
    ]
    assert missing == []


def test_each_entry_is_still_shown():
    """What no page shows any more is no exception any more."""
    assert [pattern for _, pattern in entries() if not any(matches(pattern, *one) for one in shown())] == []


@pytest.mark.parametrize("name", [*CATALOGUE["run_by"], *CATALOGUE["with_own_values"]])
def test_the_test_is_there(name):
    """By file and, where one is named, by test."""
    file, _, test = name.partition("::")
    text = (PROJECT / file).read_text(encoding="utf-8")
    assert re.search(rf"^ *(async )?def {test or 'test_'}", text, re.M)


@pytest.mark.parametrize("command", CATALOGUE["here"])
def test_it_ends_well(command):
    """As it stands, in the project's folder, without a stack."""
    own = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "BATON"))}
    own |= {"BATON_VENV": sys.prefix}
    words = command.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(["bash", "-euc", words], cwd=PROJECT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("./baton up   # and wait\n\n# nothing\n", ["./baton up"]),
        ("a \\\n  b c\nd\n", ["a b c", "d"]),
        ("cat > x <<'END'\nchains: {}\nEND\n./baton import x\n", ["cat > x <<'END'", "./baton import x"]),
        ("curl 'http://x/#y'\n", ["curl 'http://x/#y'"]),
    ],
)
def test_what_a_block_holds(block, found):
    """Comments and here-documents are no commands; lines that go on are one."""
    assert commands(block) == found


def test_a_command_without_an_entry_is_noticed():
    """The comparison above can fail."""
    assert not any(matches(pattern, "docs/setup.md", "./baton frobnicate") for _, pattern in entries())
    assert matches("docs/a.md curl *", "docs/a.md", "curl -s x")
    assert not matches("docs/a.md curl *", "docs/b.md", "curl -s x")
