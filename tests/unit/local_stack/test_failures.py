"""Why a task failed, from its log; and why a pod does not start."""

import pytest

from baton_local.failures import LAST_LINES, reason_in
from baton_local.stuck_pods import unscheduled_for, waiting_for


def raised(kind: str, text: str, **more: object) -> dict:
    return {"exc_type": kind, "exc_value": text, **more}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"event": "a"}, {"event": "failed", "error_detail": [raised("E", "why")]}], ["E: why"]),
        ([{"event": "failed", "error_detail": [raised("E", "why"), raised("Cause", "earlier")]}], ["E: why"]),
        ([{"event": "warned", "error_detail": [raised("E", "1")]}, {"error_detail": [raised("F", "2")]}], ["F: 2"]),
        ([{"error_detail": [raised("E", "why", exc_notes=["do this"])]}], ["E: why", "do this"]),
        ([{"error_detail": [raised("KeyboardInterrupt", "")]}], ["KeyboardInterrupt"]),
        ([{"event": str(n)} for n in range(40)], [str(n) for n in range(40 - LAST_LINES, 40)]),
        ([], []),
    ],
)
def test_the_exception_that_ended_a_task_is_its_reason(lines: list[dict], reason: list[str]) -> None:
    """The last one of the log, the outermost of its chain; of a killed task the last lines."""
    assert reason_in(lines) == reason


def pod(status: dict) -> dict:
    return {"metadata": {"namespace": "n", "name": "p", "uid": "u"}, "status": status}


def test_a_pod_says_what_it_waits_for() -> None:
    """For an image, a Secret, a node; one that starts says nothing."""
    image = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no runtime"}}}
    starting = {"state": {"waiting": {"reason": "ContainerCreating"}}}
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room"}
    assert waiting_for(pod({"containerStatuses": [image]})) == "pod n/p waits: ErrImagePull: no runtime"
    assert waiting_for(pod({"initContainerStatuses": [image]})) == "pod n/p waits: ErrImagePull: no runtime"
    assert waiting_for(pod({"containerStatuses": [starting]})) == ""
    assert waiting_for(pod({})) == unscheduled_for(pod({})) == ""
    assert unscheduled_for(pod({"conditions": [full]})) == "pod n/p waits: Unschedulable: no room"
