"""Our node against the recording of a real kubelet, scenario by scenario: those that are quick, all with ``--soak``."""

from __future__ import annotations

import pytest

from local_kubernetes.runtime.isolation import attempt

from . import kubelet as golden

pytestmark = pytest.mark.skipif(
    attempt("mount") is not None, reason="the recording's containers have mount trees and users of their own"
)
_ALL = golden.scenarios()
_QUICK = golden.quick(_ALL)
_MORE_ROUNDS = 2


def _outcomes(factory: pytest.TempPathFactory, wanted: list[golden.Scenario]) -> dict[str, golden.Outcome]:
    """Each scenario's outcome; what a busy machine was too slow for is played again, by few at once."""
    found = {outcome.name: outcome for outcome in golden.replay(factory.mktemp("kubelet"), wanted)}
    for _ in range(_MORE_ROUNDS):
        again = [each for each in wanted if _unlisted(found[each.name])]
        if not again:
            break
        found |= {outcome.name: outcome for outcome in golden.replay(factory.mktemp("kubelet"), again)}
    return found


def _unlisted(outcome: golden.Outcome) -> set[str]:
    """The parts that differ and are not listed."""
    listed = golden.listed_differences()["scenarios"].get(outcome.name, {"parts": []})
    return set(outcome.parts) - set(listed["parts"])


@pytest.fixture(scope="module")
def quick_outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, golden.Outcome]:
    """The quick scenarios, played at once."""
    return _outcomes(tmp_path_factory, _QUICK)


@pytest.fixture(scope="module")
def slow_outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, golden.Outcome]:
    """The others; the longest takes three minutes."""
    return _outcomes(tmp_path_factory, [each for each in _ALL if each not in _QUICK])


@pytest.mark.parametrize("name", [each.name for each in _QUICK])
def test_quick_scenario_agrees_as_far_as_the_table_says(name: str, quick_outcomes: dict[str, golden.Outcome]) -> None:
    """States, order, events, logs and answers are as recorded, or differ in the listed parts and no others."""
    _agrees(quick_outcomes[name])


@pytest.mark.soak
@pytest.mark.parametrize("name", [each.name for each in _ALL if each not in _QUICK])
def test_slow_scenario_agrees_as_far_as_the_table_says(name: str, slow_outcomes: dict[str, golden.Outcome]) -> None:
    """The same for those that take long."""
    _agrees(slow_outcomes[name])


def _agrees(outcome: golden.Outcome) -> None:
    unlisted = _unlisted(outcome)
    assert not unlisted, {part: outcome.details[part] for part in unlisted}


def test_every_listed_difference_of_the_kubelet_names_a_scenario_and_its_causes() -> None:
    """The table holds nothing that is not in the recording, and each difference has causes that are told."""
    table = golden.listed_differences()
    assert set(table["scenarios"]) <= {each.name for each in _ALL}
    for name, entry in table["scenarios"].items():
        assert entry["causes"], name
        assert set(entry["causes"]) <= set(table["causes"]), name
    assert all(table["causes"].values())
