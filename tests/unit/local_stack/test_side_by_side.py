"""How the whole test run is divided."""

from pathlib import Path

import pytest
from tests.acceptance.stacks import SLOW
from tests.side_by_side import ACCEPTANCE, LONGEST, rank

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize("folder", [ACCEPTANCE, *LONGEST])
def test_a_folder_that_is_said_to_take_long_has_tests(folder: str) -> None:
    """One that was moved would be left for the end."""
    assert [*(PROJECT / folder).rglob("test_*.py")]


def test_what_takes_longest_is_begun_first() -> None:
    """Stacks before all, single functions last."""
    pieces = ["tests/unit/x.py", "tests/workloads/x.py", "tests/local_kubernetes/integration/x.py", ACCEPTANCE]
    assert sorted(pieces, key=rank) == pieces[::-1]
    assert rank(f"{ACCEPTANCE} {SLOW}") == rank(ACCEPTANCE)
