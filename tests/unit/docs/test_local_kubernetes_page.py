"""The page that says how far the local Kubernetes is one: every row is proven by tests that exist."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (PROJECT / "docs" / "local-kubernetes.md").read_text().splitlines()
    if re.match(r"\| [^*b-]", line) and "`test_" in line
]


@pytest.fixture(scope="module")
def known_tests() -> set[str]:
    """The names of all tests."""
    sources = (path.read_text() for path in (PROJECT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"def (test_\w+)", source)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_names_tests_that_exist(row: list[str], known_tests: set[str]):
    """What is said to be proven is tested."""
    named = set(re.findall(r"`(test_\w+)`", row[-1]))

    assert named
    assert named <= known_tests


def test_there_are_rows():
    """The pattern above finds the table."""
    assert len(ROWS) > 30
