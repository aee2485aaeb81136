"""Our access control against the recording of a real one, answer by answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_kubernetes.testing import LocalKubernetes

from . import access as golden


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, golden.Outcome]]:
    """The whole recording replayed once, in its order."""
    with LocalKubernetes(tmp_path_factory.mktemp("access"), ["--allow-host-path"]) as server:
        yield {outcome.name: outcome for outcome in golden.replay(server)}


@pytest.mark.parametrize("name", [case["name"] for case in golden.cases()])
def test_answer_agrees_as_far_as_the_table_says(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """Who is allowed what, and in which words it is refused, is as recorded or listed with its reason."""
    outcome = outcomes[name]
    listed = golden.listed_differences().get(name, {"level": "same"})
    assert outcome.level == listed["level"], outcome.detail


def test_every_listed_difference_of_access_names_a_case_and_a_reason() -> None:
    """The table holds no case that is not in the recording and none without a reason."""
    names = {case["name"] for case in golden.cases()}
    listed = golden.listed_differences()
    assert set(listed) <= names
    assert all(entry["reason"] for entry in listed.values())
