"""Our server against the recording of a real one, exchange by exchange."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_kubernetes.testing import LocalKubernetes

from . import kubernetes_api as golden


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, golden.Outcome]]:
    """The whole recording replayed once, in its order."""
    with LocalKubernetes(tmp_path_factory.mktemp("golden")) as server:
        yield {outcome.name: outcome for outcome in golden.replay(server)}


@pytest.mark.parametrize("name", [case.name for case in golden.cases()])
def test_agrees_as_far_as_the_table_says(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """Each answer agrees with the recording, or differs in the listed fields and no others."""
    outcome = outcomes[name]
    listed = golden.listed_differences().get(name, {"level": "same", "paths": []})
    assert {"level": outcome.level, "paths": list(outcome.paths)} == {
        "level": listed["level"],
        "paths": listed["paths"],
    }, outcome.detail


@pytest.mark.parametrize(
    "case", [c for c in golden.cases() if golden.refusal(c.response["body"])], ids=lambda c: c.name
)
def test_refusals_agree_by_status_reason_and_fields(case: golden.Case, outcomes: dict[str, golden.Outcome]) -> None:
    """What a real server refuses is refused here for the same fields."""
    outcome = outcomes[case.name]
    if outcome.level != "same":
        assert outcome.refusal == golden.refusal(case.response["body"])


def test_every_listed_difference_names_a_case_and_a_reason() -> None:
    """The table holds no case that is not in the recording and none without a reason."""
    names = {case.name for case in golden.cases()}
    listed = golden.listed_differences()
    assert set(listed) <= names
    assert all(entry["reason"] for entry in listed.values())
