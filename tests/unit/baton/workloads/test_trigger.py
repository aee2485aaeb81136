"""WorkloadTrigger: what ends the wait, what the event says, and that no log line is lost or doubled."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.triggers.base import TaskSuccessEvent
from tests.unit.baton.pod_api import PodApi, kubeconfig

from baton.airflow_internals import xcom
from baton.kubernetes import api_streams, pod_log
from baton.workloads import trigger as workload
from baton.workloads.trigger import LOGS_WRITTEN, WorkloadTrigger

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
async def api():
    """One pod behind an API server."""
    api = PodApi()
    server = api.server()
    await server.start_server()
    api.url = str(server.make_url("")).rstrip("/")
    yield api
    api.drop_connections()
    await server.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Lost connections are tried again at once."""
    monkeypatch.setattr(api_streams, "PAUSE_SECONDS", 0.01)


def trigger_for(api, **options):
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    required = {"pod_name": "pod", "pod_namespace": "baton", "base_container_name": "base"}
    required["trigger_start_time"] = long_ago
    return WorkloadTrigger(**{**required, "config_dict": kubeconfig(api.url), **options})


async def first_event(trigger):
    [event] = [event async for event in trigger.run()]
    return event if isinstance(event, TaskSuccessEvent) else event.payload


async def started(api, trigger):
    """Begin to follow the pod; returns when the watch is there, however busy the machine is."""
    task = asyncio.create_task(first_event(trigger))
    await until(lambda: task.done() or any("watch=" in path for path in api.requests))
    return task


async def until(check):
    while not check():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("exit_code", "status"), [(0, "success"), (65, "failed"), (137, "failed")])
async def test_event_tells_how_the_base_container_ended(api, exit_code, status):
    """The sidecar may still run then: the pod's phase is Running."""
    task = await started(api, trigger_for(api))
    api.schedule()
    api.run()
    api.end(exit_code)
    event = await task
    assert event["status"] == status
    assert (event["name"], event["namespace"]) == ("pod", "baton")


async def test_event_comes_within_moments_of_the_end(api):
    """A watch tells at once, where polling would come late."""
    task = await started(api, trigger_for(api))
    api.run()
    await asyncio.sleep(0.2)
    ended = time.monotonic()
    api.end(0)
    await task
    assert time.monotonic() - ended < 1  # a look each two seconds would be later in one of two cases


async def test_pod_that_ended_before_the_trigger_began_is_no_problem(api):
    """A short pod may be done before a triggerer takes the trigger."""
    api.write("done")
    api.end(0, phase="Succeeded")
    assert (await first_event(trigger_for(api)))["status"] == "success"


async def test_arguments_of_the_operator_come_back_in_the_event(api):
    """The operator counts its attempts in them."""
    api.end(0)
    event = await first_event(trigger_for(api, trigger_kwargs={"_redefer_count": 2}))
    assert event["_redefer_count"] == 2


async def test_log_is_written_while_the_pod_runs_and_completely(api, capsys):
    """Each line once, the last one before the event."""
    written = Written(capsys)
    task = await started(api, trigger_for(api))
    api.run()
    api.write("first", "second")
    await until(lambda: written.lines() == ["first", "second"])
    api.write("last")
    api.end(0)
    event = await task
    assert written.lines() == ["first", "second", "last"]
    assert event[LOGS_WRITTEN] is True


async def test_lost_connections_neither_lose_nor_double_a_line(api, capsys):
    """Watch and log go on where they were."""
    written = Written(capsys)
    task = await started(api, trigger_for(api))
    api.run()
    for number in range(4):
        api.write(f"{number} a", f"{number} b")
        await asyncio.sleep(0.1)
        api.failures = [500, 503, 410]
        api.drop_connections()
        await asyncio.sleep(0.2)
    api.end(0)
    event = await task
    assert event["status"] == "success"
    assert written.lines() == [f"{number} {part}" for number in range(4) for part in "ab"]


async def test_log_that_ends_before_its_container_is_taken_up_again(api, capsys):
    """Rotation and a restarted kubelet end it in good order."""
    written = Written(capsys)
    task = await started(api, trigger_for(api))
    api.run()
    api.write("before", "before")
    api.rotate_log()
    await asyncio.sleep(0.2)
    api.write("after")
    await asyncio.sleep(0.2)
    api.end(0)
    await task
    assert written.lines() == ["before", "before", "after"]


REFUSAL = "unable to retrieve container logs for containerd://0a1b2c"


async def test_kubelet_that_cannot_read_the_log_is_asked_again(api, capsys):
    """It says so in an answer of status 200: that is told once, and no line after it is lost."""
    written = Written(capsys)
    task = await started(api, trigger_for(api))
    api.run()
    api.write("before")
    await until(lambda: written.lines() == ["before"])
    api.refusals = [REFUSAL] * 3
    api.rotate_log()
    await until(lambda: not api.refusals)
    api.write("after")
    await until(lambda: written.lines()[-1] == "after")
    api.end(0)
    event = await task
    assert written.lines() == ["before", REFUSAL, "after"]
    assert event[LOGS_WRITTEN] is True


async def test_refusal_that_passes_by_after_the_end_loses_nothing(api, capsys):
    """The last look at the log meets it: what the container wrote is read with the next one."""
    written = Written(capsys)
    api.refusals = [REFUSAL, REFUSAL]
    api.write("only line")
    api.end(0)
    event = await first_event(trigger_for(api))
    assert written.lines() == [REFUSAL, "only line"]
    assert event[LOGS_WRITTEN] is True


async def test_log_that_stays_unreadable_is_left_to_the_worker(api, capsys, monkeypatch):
    """The event does not claim that the log is complete, and the task's log says why it is not."""
    monkeypatch.setattr(pod_log, "UNREADABLE_SECONDS", 0.1)
    api.refusals = [REFUSAL] * 1000
    api.end(0)
    event = await first_event(trigger_for(api))
    assert event[LOGS_WRITTEN] is False
    assert f"could not be read to its end: {REFUSAL}" in capsys.readouterr().out


async def test_lines_of_a_runtime_without_timestamps_are_whole_and_come_once(api, capsys):
    """A virtual kubelet may ignore that they are asked for."""
    written = Written(capsys)
    task = await started(api, trigger_for(api))
    api.run()
    api.write("first line")
    api.log += ["no stamp here\n", "no stamp here\n", "nor here\n"]
    await asyncio.sleep(0.1)
    api.rotate_log()
    await asyncio.sleep(0.1)
    api.write("last line")
    api.end(0)
    await task
    assert written.lines() == ["first line", "no stamp here", "no stamp here", "nor here", "last line"]


async def test_without_logs_none_is_read(api):
    """`get_logs=False` means the pod's output stays in the pod."""
    api.end(0)
    event = await first_event(trigger_for(api, get_logs=False))
    assert event[LOGS_WRITTEN] is False
    assert not any("/log" in path for path in api.requests)


async def test_pod_deleted_from_outside_is_an_error_event(api):
    """The operator then finds out that there is no pod, and the task is tried again."""
    task = await started(api, trigger_for(api))
    api.run()
    api.delete()
    event = await task
    assert event["status"] == "error"
    assert "deleted" in event["message"]


async def test_refusal_is_an_error_event_at_once(api):
    """Without permission no patience helps."""
    api.failures = [403]
    event = await first_event(trigger_for(api))
    assert event["status"] == "error"
    assert "403" in event["message"]


async def test_image_that_cannot_be_pulled_fails_early(api):
    """Waiting for the start-up timeout would help nobody."""
    task = await started(api, trigger_for(api))
    api.wait("InvalidImageName", "no such name")
    event = await task
    assert event["status"] == "failed"
    assert "no such name" in event["message"]


@pytest.mark.parametrize("limits", [{"schedule_timeout": 0.3}, {"schedule_timeout": 5, "startup_timeout": 0.3}])
async def test_pod_that_does_not_start_in_time_is_a_timeout(api, limits):
    """First the node's time is limited, then the start's."""
    task = await started(api, trigger_for(api, **limits))
    if "startup_timeout" in limits:
        api.schedule()
    event = await task
    assert event["status"] == "timeout"
    assert "did not start" in event["message"]


CPU = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available."
MOUNT = {"type": "Warning", "reason": "FailedMount", "message": 'MountVolume.SetUp failed: secret "absent" not found'}
MOUNT["lastTimestamp"] = "2026-01-01T00:01:00Z"
SCHEDULED_LATE = {"type": "Warning", "reason": "FailedScheduling", "message": CPU, "metadata": {}}
SCHEDULED_LATE["eventTime"] = "2026-01-01T00:00:00.123456Z"
STARTS = {"type": "Normal", "reason": "Pulling", "message": "Pulling image", "lastTimestamp": "2026-01-01T00:02:00Z"}


@pytest.mark.parametrize(
    ("move", "events", "said"),
    [
        (lambda api: api.refuse_node(CPU), [], f"Unschedulable: {CPU}"),
        (
            lambda api: api.wait("CreateContainerConfigError", 'secret "absent" not found'),
            [],
            'container base: CreateContainerConfigError: secret "absent" not found',
        ),
        (
            lambda api: api.wait("ContainerCreating", ""),
            [MOUNT, SCHEDULED_LATE, STARTS],
            f"FailedMount: {MOUNT['message']}",
        ),
        (lambda api: api.schedule(), [], "the cluster gives no reason"),
    ],
)
@pytest.mark.parametrize("limit", ["start", "execution"])
async def test_message_says_why_the_pod_did_not_start(api, capsys, move, events, said, limit):
    """The pod is deleted, so that nobody can look any more; the log says it before the time is over."""
    api.events = events
    options = {"trigger_kwargs": {"_execution_deadline": time.time() + 2}} if limit == "execution" else {}
    times = {"schedule_timeout": 1.5, "startup_timeout": 1.5} if limit == "start" else {}
    task = await started(api, trigger_for(api, **options, **times))
    move(api)
    message = (await task)["message"]
    assert f"the pod did not start: {said}" in message
    assert "kubectl" not in message
    if not events and "no reason" not in said:
        assert f"The pod has not started yet: {said}" in capsys.readouterr().out


async def test_account_that_may_not_list_events_still_gives_the_pods_own_reason(api):
    """The events are asked last, and only for what the pod does not say."""
    task = await started(api, trigger_for(api, schedule_timeout=1))
    api.refuse_node(CPU)
    await asyncio.sleep(0.2)
    api.failures = [403]
    assert CPU in (await task)["message"]


SECRETS = {"users": [{"name": "u", "user": {"token": "t0p", "client-key-data": "k3y"}}], "clusters": []}


@pytest.mark.parametrize("option", ["config_dict", "connection_extras"])
def test_no_credential_is_stored_with_the_trigger(option):
    """Neither a kubeconfig's content nor what a connection's extras hold."""
    given = {"config_dict": SECRETS, "connection_extras": {"kube_config": SECRETS, "in_cluster": False}}[option]
    trigger = WorkloadTrigger(
        pod_name="p",
        pod_namespace="n",
        base_container_name="b",
        trigger_start_time=datetime.now(UTC),
        **{option: given},
    )
    _, stored = trigger.serialize()
    assert "t0p" not in repr(stored)
    assert "k3y" not in repr(stored)
    assert WorkloadTrigger(**stored).serialize()[1] == stored


async def test_file_of_a_kubeconfig_is_read_by_the_triggerer(api, tmp_path):
    """Only its path is stored."""
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(kubeconfig(api.url)))
    _, stored = trigger_for(api, config_dict=None, config_file=str(file)).serialize()
    api.end(0)
    assert (await first_event(WorkloadTrigger(**stored)))["status"] == "success"


async def test_execution_timeout_ends_the_wait(api):
    """The operator gives it as a moment, because a task may be deferred more than once."""
    api.run()
    event = await first_event(trigger_for(api, trigger_kwargs={"_execution_deadline": time.time() + 0.3}))
    assert event["status"] == "timeout"
    assert "execution_timeout" in event["message"]


async def test_killed_task_deletes_its_pod(api):
    """Airflow cancels the trigger and calls on_kill when somebody clears the task or marks it."""
    trigger = trigger_for(api)
    task = await started(api, trigger)
    api.run()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await trigger.on_kill()
    assert api.deleted_by_request


async def test_stopped_triggerer_leaves_the_pod_alone(api):
    """Another triggerer takes over."""
    trigger = trigger_for(api)
    task = await started(api, trigger)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await trigger.cleanup()
    assert not api.deleted_by_request


@pytest.mark.parametrize(
    ("result", "stored"), [('{"rows": 3, "name": "č"}', [("return_value", {"rows": 3, "name": "č"})]), ("", [])]
)
async def test_success_ends_the_task_with_the_pods_result(api, monkeypatch, result, stored):
    """Without a worker: the result is stored as the value that it is, and the pod is deleted."""
    written = []

    async def store(key, value, **where):
        assert where == {"dag_id": "dag", "task_id": "task", "run_id": "run", "map_index": -1}
        written.append((key, value))

    monkeypatch.setattr(xcom.XCom, "aset", store)
    api.result = result
    api.end(0)
    trigger = trigger_for(api, ends_task=True)
    trigger._task_instance = SimpleNamespace(dag_id="dag", task_id="task", run_id="run", map_index=-1)
    event = await first_event(trigger)
    assert isinstance(event, TaskSuccessEvent)
    assert written == stored
    assert api.deleted_by_request


@pytest.mark.parametrize("result", ["{", "[" * 900 + "]" * 900, "[" * 5000 + "]" * 5000])
async def test_result_that_xcom_cannot_take_is_left_to_a_worker(api, result):
    """No JSON, or too deep: a worker reads it again and reports what is wrong; the pod must still be there."""
    api.result = result
    api.end(0)
    event = await first_event(trigger_for(api, ends_task=True))
    assert event["status"] == "success"
    assert not api.deleted_by_request


async def test_failure_is_left_to_a_worker(api):
    """The worker decides by the exit code, and calls back."""
    api.end(65)
    assert (await first_event(trigger_for(api, ends_task=True)))["status"] == "failed"


async def test_task_is_not_resumed_moments_after_its_deferral(api, monkeypatch):
    """The scheduler would take it for killed."""
    monkeypatch.setattr(workload, "SETTLE_SECONDS", 0.5)
    api.end(65)
    deferred = datetime.now(UTC)
    await first_event(trigger_for(api, trigger_start_time=deferred))
    assert datetime.now(UTC) - deferred >= timedelta(seconds=0.5)


class Written:
    """The container's lines among all that Airflow logged."""

    def __init__(self, capsys):
        self._capsys = capsys
        self._lines = []

    def lines(self):
        self._lines += re.findall(r"\[base\] (.*?) +\[baton\.workloads", self._capsys.readouterr().out)
        return self._lines
