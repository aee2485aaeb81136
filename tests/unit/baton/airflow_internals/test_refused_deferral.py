"""A worker whose task was marked or cleared before it could be deferred."""

from types import SimpleNamespace

import pytest

from baton.airflow_internals import refused_deferral


class Instance:
    """What the listener sees of a task instance in a worker."""

    dag_id, task_id, run_id, map_index = "d", "t", "r", -1

    def __init__(self, state, state_at_airflow, ours=True):
        self.state = state
        self.killed = 0
        self.task = SimpleNamespace(on_kill=self._kill, **({"ends_with_its_task": True} if ours else {}))
        self._states = {"r": {"t": state_at_airflow}} if state_at_airflow != "gone" else {}

    def _kill(self):
        self.killed += 1

    def get_task_states(self, **asked):
        assert asked == {"dag_id": "d", "task_ids": ["t"], "run_ids": ["r"], "map_index": -1}
        return self._states

    def stop(self):
        refused_deferral.on_task_instance_running(None, self)
        refused_deferral.before_stopping(object())
        refused_deferral.before_stopping(object())
        return self.killed


@pytest.mark.parametrize("now", ["failed", "success", "skipped", "removed", "restarting", None, "gone"])
def test_what_was_started_is_ended_when_the_deferral_was_refused(now):
    """Once; nobody else would."""
    assert Instance("deferred", now).stop() == 1


@pytest.mark.parametrize("now", ["deferred", "scheduled", "queued", "running"])
def test_what_a_deferred_task_started_runs_on(now):
    """Its trigger follows it, or has followed it already."""
    assert Instance("deferred", now).stop() == 0


@pytest.mark.parametrize(("state", "ours"), [("success", True), ("failed", True), ("deferred", False)])
def test_other_ends_are_left_alone(state, ours):
    """Tasks that ended here, and tasks of others: Airflow is not even asked."""
    instance = Instance(state, "failed", ours)
    instance.get_task_states = None
    assert instance.stop() == 0
