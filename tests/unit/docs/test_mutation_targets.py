"""What is mutated in `./baton test --soak` is there, and each mutant that may live has its reason."""

from typing import Any

import pytest
from tests.mutation.mutate import PACKAGES, PROJECT, targets

TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_modules_and_tests_are_there(target: dict[str, Any]) -> None:
    """A module that was moved would be mutated no more."""
    roots = {package.rpartition("/")[2]: PROJECT / package for package in PACKAGES}
    for module in target["modules"]:
        root, _, path = module.partition("/")
        assert [*roots[root].glob(path)], module
    for words in target["tests"]:
        assert (PROJECT / words.removeprefix("--deselect=").partition("::")[0]).exists(), words


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_survivor_has_a_reason(target: dict[str, Any]) -> None:
    """In words."""
    assert [entry for entry in target["survivors"] if len(entry["why"].split()) < 4] == []
