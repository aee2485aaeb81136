"""What `./baton test` asks of pytest."""

import pytest

from baton_local.cli.develop import SIDE_BY_SIDE, pytest_words

ORDINARY = ["-m", "not soak"]


@pytest.mark.parametrize(
    ("words", "soak", "expected"),
    [
        ([], False, [*ORDINARY, *SIDE_BY_SIDE]),
        (["tests/unit", "-k", "policy", "-x"], False, [*ORDINARY, "tests/unit", "-k", "policy", "-x"]),
        ([], True, []),
        (["tests/unit"], True, ["tests/unit"]),
    ],
)
def test_several_processes_share_the_whole_ordinary_run_only(words, soak, expected):
    """A selection is over sooner in one, and shows what it prints."""
    assert pytest_words(words, soak=soak) == expected
