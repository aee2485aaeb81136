"""Hand-over gaps between pods."""

import pytest

from baton_local.demo_summary import chain_edges
from baton_local.pod_times import PodTimes, handover_gaps


def test_a_pod_that_waits_for_several_counts_from_the_last_of_them():
    """The gap is what the chain lost, not what a quick branch waited for a slow one."""
    pods = [PodTimes("a", 0, 1), PodTimes("b", 0, 5), PodTimes("c", 5.5, 6)]

    assert handover_gaps(pods, [("a", "c"), ("b", "c")]) == [0.5]


@pytest.mark.parametrize("pods", [[PodTimes("a", 0, None), PodTimes("b", 2, 3)], [PodTimes("b", 2, 3)], []])
def test_a_gap_without_both_ends_is_left_out(pods: list[PodTimes]):
    """What was not seen is not guessed."""
    assert handover_gaps(pods, [("a", "b")]) == []


def test_the_chain_has_no_barrier_between_datasets():
    """A dataset's load waits for its own transform only."""
    edges = chain_edges(["x", "y"])

    assert [before for before, after in edges if after == "x.load"] == ["x.transform"]
    assert {before for before, after in edges if after == "validate"} == {"x.load", "y.load"}
