"""JobOperator against the local Kubernetes."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import TaskSuccessEvent
from kubernetes.client import ApiException, BatchV1Api
from tests.integration.cronjobs.job_operator.conftest import TICK, event_of

from baton.cronjobs.templates.source import LiveSource
from baton.exceptions import TransientError
from baton.kubernetes import job_api, job_events

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
NOTE = "batch.kubernetes.io/cronjob-scheduled-timestamp"
NAME = "nightly-29921820"


@pytest.fixture
def batch(local_kubernetes):
    """The official client's BatchV1Api."""
    return BatchV1Api(local_kubernetes.client)


@pytest.fixture
def jobs(local_kubernetes, batch):
    """Reads the Jobs that are there, by name, as they were sent."""

    def read():
        items = batch.list_namespaced_job(local_kubernetes.name).items
        return {job["metadata"]["name"]: job for job in map(local_kubernetes.client.sanitize_for_serialization, items)}

    return read


def in_background(task, trigger):
    """A deferred task that goes on beside the test; `join` gives what it returned or raised."""
    return Background(lambda: task.resume(trigger))


class Background:
    def __init__(self, call):
        self.result = self.error = None
        self._thread = threading.Thread(target=self._run, args=(call,))
        self._thread.start()

    def _run(self, call):
        try:
            self.result = call()
        except BaseException as err:
            self.error = err

    def join(self):
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.error or self.result


# -- names, bodies, ends -----------------------------------------------------------------------------------------------


def test_a_tick_becomes_the_controllers_job(jobs, make_task, write_cron_job):
    """The controller's name and annotation, the template's labels; the task waits for the Job's end."""
    make_task(write_cron_job("echo hello"), time_zone="Europe/Prague").run()

    [(name, job)] = jobs().items()
    assert name == NAME
    assert job["metadata"]["labels"]["team"] == "data"
    notes = job["metadata"]["annotations"]
    assert notes[NOTE] == "2026-11-22T02:00:00+01:00"
    assert notes["note"] == "2026-01-01"
    assert job["status"]["succeeded"] == 1


def test_a_failed_job_fails_the_task_with_kubernetes_reason(make_task, write_cron_job):
    """And with the exit code and the last words of the container, without a second try by Airflow."""
    pod = {
        "containers": [_container("c", "echo no such table; exit 3", terminationMessagePolicy="FallbackToLogsOnError")]
    }
    task = make_task(write_cron_job("", pod=pod))
    with pytest.raises(AirflowFailException, match=r"BackoffLimitExceeded.*exit code 3: no such table"):
        task.run()
    assert task.operator.retries == 0


def test_a_run_by_hand_has_a_name_of_its_own(jobs, make_task, write_cron_job):
    """The same over its tries, and never a tick's."""
    source = write_cron_job("true")
    for _ in range(2):
        make_task(source, run_type="manual", run_id="by hand").run()
    make_task(source, run_type="manual", run_id="again").run()

    names = sorted(jobs())
    assert len(names) == 2
    assert all(name.startswith("nightly-m") for name in names)


def test_a_refused_job_fails_at_once_in_the_servers_words(make_task, write_cron_job):
    """422 is no weather."""
    with pytest.raises(AirflowFailException, match="restartPolicy"):
        make_task(write_cron_job("true", pod={"restartPolicy": "Always"})).run()


def test_without_a_triggerer_the_worker_waits(make_task, write_cron_job):
    """`deferrable=False`."""
    task = make_task(write_cron_job("true"), deferrable=False)
    assert task.operator.execute(task.context) is None


def test_a_live_cron_job_is_read_when_the_task_starts(local_kubernetes, batch, jobs, make_task):
    """Its Job is the controller's: same owner, zone and template."""
    pod = {"restartPolicy": "Never", "containers": [_container("c", "true")]}
    spec = {"schedule": "0 0 1 1 *", "timeZone": "Asia/Tokyo", "suspend": True}
    spec["jobTemplate"] = {"metadata": {"labels": {"l": "v"}}, "spec": {"template": {"spec": pod}}}
    made = batch.create_namespaced_cron_job(local_kubernetes.name, {"metadata": {"name": "nightly"}, "spec": spec})

    make_task(LiveSource("nightly", local_kubernetes.name)).run()

    job = jobs()[NAME]
    [owner] = job["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (made.metadata.uid, True)
    assert job["metadata"]["annotations"][NOTE] == "2026-11-22T10:00:00+09:00"
    assert job["metadata"]["labels"]["l"] == "v"


def test_a_cron_job_that_is_not_there_fails_the_task(local_kubernetes, make_task):
    """By its name."""
    with pytest.raises(AirflowFailException, match=r"no CronJob gone in namespace"):
        make_task(LiveSource("gone", local_kubernetes.name)).run()


# -- adoption ----------------------------------------------------------------------------------------------------------


def test_a_second_request_adopts_the_job(jobs, make_task, write_cron_job):
    """A retry, or another scheduler; ten at once make one Job."""
    source = write_cron_job("sleep 1")
    tasks = [make_task(source, run_id=f"run {number}") for number in range(10)]
    started = [Background(task.defer) for task in tasks]
    for task, trigger in zip(tasks, [each.join() for each in started], strict=True):
        assert task.resume(trigger) is None

    assert list(jobs()) == [NAME]


def test_a_job_of_something_else_is_not_adopted(local_kubernetes, batch, jobs, make_task, write_cron_job):
    """Nor deleted when the task is killed."""
    spec = {"suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": [_container("c", "true")]}}}
    batch.create_namespaced_job(local_kubernetes.name, {"metadata": {"name": NAME}, "spec": spec})
    task = make_task(write_cron_job("true"))
    with pytest.raises(AirflowFailException, match="belongs to no CronJob, not to nightly"):
        task.run()
    task.operator.on_kill()
    assert list(jobs()) == [NAME]


def test_a_cleared_task_runs_its_job_again(jobs, make_task, write_cron_job):
    """Under the same name; its retry adopts the new one."""
    source = write_cron_job("true")
    make_task(source).run()
    first = jobs()[NAME]["metadata"]["uid"]
    make_task(source).run()
    assert jobs()[NAME]["metadata"]["uid"] == first

    make_task(source, max_tries=1).run()
    second = jobs()[NAME]["metadata"]["uid"]
    make_task(source, max_tries=1).run()
    assert first != second == jobs()[NAME]["metadata"]["uid"]


# -- when its turn has come --------------------------------------------------------------------------------------------


def _recent(seconds=0):
    """A tick that many seconds ago, and a minutely schedule's next one far enough."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_forbid_starts_the_next_one_when_the_running_one_ends(jobs, make_task, write_cron_job):
    """Late, under the name of its own tick."""
    source = write_cron_job("sleep 1")
    first, second = (
        make_task(source, tick=TICK + timedelta(minutes=number), run_id=f"{number}", concurrency_policy="Forbid")
        for number in range(2)
    )
    running = in_background(first, first.defer())
    trigger = second.defer()
    assert trigger.uid is None
    assert list(jobs()) == [NAME]
    second.resume(trigger)
    assert running.join() is None

    [one, two] = (job["status"] for job in jobs().values())
    assert two["startTime"] >= one["completionTime"]


def test_forbid_is_for_one_cron_job(make_task, write_cron_job):
    """Another one's Jobs are in nobody's way."""
    long = make_task(write_cron_job("sleep 30", name="other"), concurrency_policy="Forbid")
    trigger = long.defer()
    make_task(write_cron_job("true"), concurrency_policy="Forbid").run()
    asyncio.run(trigger.on_kill())


def test_a_waiting_tick_is_skipped_when_the_next_one_is_due(jobs, make_task, write_cron_job):
    """Of several missed ticks only the latest runs."""
    source = write_cron_job("sleep 30")
    running = make_task(source, run_id="running", concurrency_policy="Forbid").defer()
    late = make_task(source, tick=_recent(58.5), schedule="@every 1m", concurrency_policy="Forbid")
    with pytest.raises(AirflowSkipException, match="superseded"):
        late.run()
    assert list(jobs()) == [NAME]
    asyncio.run(running.on_kill())


@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Replace"])
def test_a_tick_that_comes_too_late_is_skipped(jobs, make_task, write_cron_job, policy):
    """Without a Job."""
    task = make_task(write_cron_job("true"), tick=_recent(11), starting_deadline_seconds=10, concurrency_policy=policy)
    with pytest.raises(AirflowSkipException, match=r"startingDeadlineSeconds \(10\)"):
        task.run()
    assert jobs() == {}


def test_a_tick_that_has_its_job_is_adopted_however_late(make_task, write_cron_job):
    """The deadline is for starting."""
    source = write_cron_job("true")
    make_task(source).run()
    make_task(source, starting_deadline_seconds=10, schedule="* * * * *").run()


def test_a_tick_that_the_controller_ran_does_not_run_again(local_kubernetes, batch, jobs, make_task, write_cron_job):
    """Also when its Job was cleaned up: the cluster ran ticks before the CronJob came back to Airflow."""
    source = write_cron_job("true")
    document = {**yaml.safe_load(Path(source.path).read_text())}
    document["spec"]["suspend"] = True
    batch.create_namespaced_cron_job(local_kubernetes.name, document)
    status = {"status": {"lastScheduleTime": TICK.isoformat().replace("+00:00", "Z")}}
    batch.patch_namespaced_cron_job_status("nightly", local_kubernetes.name, status)

    with pytest.raises(AirflowSkipException, match="was run by the CronJob controller already"):
        make_task(source).run()
    assert jobs() == {}

    make_task(source, tick=TICK + timedelta(days=1), run_id="next").run()
    assert list(jobs()) == ["nightly-29923260"]


@pytest.mark.parametrize("options", [{"run_type": "manual"}, {"max_tries": 1}, {"run_type": "backfill"}])
def test_what_a_person_starts_is_never_too_late(make_task, write_cron_job, options):
    """By hand, cleared, or to fill a gap."""
    make_task(write_cron_job("true"), starting_deadline_seconds=10, schedule="* * * * *", **options).run()


def test_replace_deletes_the_running_job(jobs, make_task, write_cron_job):
    """Its task is skipped, and says by whom it was replaced."""
    options = {"concurrency_policy": "Replace"}
    first = make_task(write_cron_job("sleep 30"), **options)
    running = in_background(first, first.defer())
    make_task(write_cron_job("true"), tick=TICK + timedelta(minutes=1), run_id="next", **options).run()

    error = running.join()
    assert isinstance(error, AirflowSkipException)
    assert "replaced by Job nightly-29921821" in str(error)
    assert list(jobs()) == ["nightly-29921821"]


def delete_at_once(local_kubernetes, batch, name=NAME):
    """Delete a Job, and wait until it is gone."""
    batch.delete_namespaced_job(name, local_kubernetes.name, propagation_policy="Background")
    while any(job.metadata.name == name for job in batch.list_namespaced_job(local_kubernetes.name).items):
        time.sleep(0.05)


def test_job_that_vanished_before_it_was_seen_has_no_older_successor(
    local_kubernetes, batch, jobs, make_task, write_cron_job
):
    """The Job of the tick before, still there for its history, replaced nothing: the task fails."""
    options = {"concurrency_policy": "Replace"}
    make_task(write_cron_job("true"), tick=TICK - timedelta(minutes=1), run_id="before", **options).run()
    time.sleep(1.1)  # creation times have whole seconds
    task = make_task(write_cron_job("sleep 30"), **options)
    trigger = task.defer()
    delete_at_once(local_kubernetes, batch)

    with pytest.raises(AirflowFailException, match=f"{NAME} was deleted by somebody else"):
        task.resume(trigger)
    assert list(jobs()) == ["nightly-29921819"]


def test_job_made_by_hand_is_no_successor(local_kubernetes, batch, jobs, make_task, write_cron_job):
    """As `kubectl create job --from=cronjob/nightly` makes it: it takes no turn."""
    task = make_task(write_cron_job("sleep 30"), concurrency_policy="Replace")
    trigger = task.defer()
    [job] = jobs().values()
    spec = {"template": {"spec": job["spec"]["template"]["spec"]}, "suspend": True}
    by_hand = {"name": "by-hand", "annotations": {"baton.dev/cronjob": "nightly"}}
    batch.create_namespaced_job(local_kubernetes.name, {"metadata": by_hand, "spec": spec})
    delete_at_once(local_kubernetes, batch)

    with pytest.raises(AirflowFailException, match=f"{NAME} was deleted by somebody else"):
        task.resume(trigger)


def test_job_replaced_before_it_was_seen_is_skipped(local_kubernetes, jobs, make_task, write_cron_job):
    """The triggerer comes late: the Job of the next tick has taken its place already."""
    options = {"concurrency_policy": "Replace"}
    first = make_task(write_cron_job("sleep 30"), **options)
    trigger = first.defer()
    make_task(write_cron_job("true"), tick=TICK + timedelta(minutes=1), run_id="next", **options).run()

    with pytest.raises(AirflowSkipException, match="replaced by Job nightly-29921821"):
        first.resume(trigger)


def test_airflow_and_the_live_controller_make_one_job_of_a_tick(local_kubernetes, batch, jobs, make_task):
    """Both at once, Airflow several times: who is first makes it, the others adopt it."""
    pod = {"restartPolicy": "Never", "containers": [_container("c", "sleep 3")]}
    spec = {"schedule": "@every 1s", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    if time.time() % 60 > 50:
        time.sleep(11)  # both have to mean the same minute
    tick = datetime.fromtimestamp(time.time() // 60 * 60, UTC)
    batch.create_namespaced_cron_job(local_kubernetes.name, {"metadata": {"name": "nightly"}, "spec": spec})
    source = LiveSource("nightly", local_kubernetes.name)
    tasks = [make_task(source, tick=tick, run_id=str(number)) for number in range(3)]

    running = [Background(task.run) for task in tasks]
    assert [each.join() for each in running] == [None] * 3

    batch.patch_namespaced_cron_job("nightly", local_kubernetes.name, {"spec": {"suspend": True}})
    name = f"nightly-{int(tick.timestamp()) // 60}"
    assert jobs()[name]["status"]["succeeded"] == 1
    pods = local_kubernetes.core.list_namespaced_pod(local_kubernetes.name).items
    assert len([pod for pod in pods if pod.metadata.name.startswith(name)]) == 1


def test_forbid_lets_no_two_jobs_of_several_runs_by_hand_go_on_at_once(jobs, make_task, write_cron_job):
    """They have no tick by which one could be told from the other, and look at the same moment."""
    source = write_cron_job("sleep 0.5")
    tasks = [
        make_task(source, run_type="manual", run_id=str(number), concurrency_policy="Forbid") for number in range(4)
    ]
    running = [Background(task.run) for task in tasks]
    assert [each.join() for each in running] == [None] * 4

    times = sorted((job["status"]["startTime"], job["status"]["completionTime"]) for job in jobs().values())
    assert len(times) == 4
    assert all(before[1] <= after[0] for before, after in pairwise(times))


@pytest.mark.parametrize(("options", "by_trigger"), [({}, True), ({"result": "termination_message"}, False)])
def test_a_complete_job_ends_its_task_without_a_worker(make_task, write_cron_job, options, by_trigger):
    """Where a worker has nothing to do afterwards."""
    event = asyncio.run(event_of(make_task(write_cron_job("true"), **options).defer()))
    assert isinstance(event, TaskSuccessEvent) is by_trigger


# -- ends from outside -------------------------------------------------------------------------------------------------


def test_a_killed_task_deletes_its_job(jobs, local_kubernetes, make_task, write_cron_job, until):
    """Cleared or marked while it was deferred: with its pods."""
    trigger = make_task(write_cron_job("sleep 30")).defer()
    until(lambda: local_kubernetes.core.list_namespaced_pod(local_kubernetes.name).items)
    asyncio.run(trigger.on_kill())
    assert jobs() == {}
    until(lambda: not local_kubernetes.core.list_namespaced_pod(local_kubernetes.name).items)


def test_a_killed_worker_deletes_its_job(jobs, make_task, write_cron_job, until):
    """Also from a signal handler, while the event loop runs."""
    task = make_task(write_cron_job("sleep 30"), deferrable=False)
    waiting = Background(lambda: task.operator.execute(task.context))
    until(jobs)
    task.operator.on_kill()
    assert isinstance(waiting.join(), AirflowFailException)
    assert jobs() == {}


def test_a_stopped_triggerer_leaves_the_job_alone_and_another_one_takes_over(jobs, make_task, write_cron_job):
    """By what the first one was given."""
    task = make_task(write_cron_job("sleep 1; echo done"))
    trigger = task.defer()

    async def stop():
        running = asyncio.create_task(event_of(trigger))
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await trigger.cleanup()

    asyncio.run(stop())
    assert list(jobs()) == [NAME]
    _, arguments = trigger.serialize()
    task.resume(type(trigger)(**arguments))


def test_a_deleted_job_is_said_to_be(local_kubernetes, batch, make_task, write_cron_job):
    """Somebody wanted it to stop: no second try."""
    task = make_task(write_cron_job("sleep 30"))
    waiting = in_background(task, task.defer())
    batch.delete_namespaced_job(NAME, local_kubernetes.name, propagation_policy="Background")
    error = waiting.join()
    assert isinstance(error, AirflowFailException)
    assert "deleted by somebody else" in str(error)


@pytest.mark.parametrize(("script", "error"), [("true", None), ("exit 1", "BackoffLimitExceeded")])
def test_a_job_that_removes_itself_has_ended_all_the_same(jobs, make_task, write_cron_job, until, script, error):
    """`ttlSecondsAfterFinished: 0`; nobody may have seen its end."""
    task = make_task(write_cron_job(script, ttlSecondsAfterFinished=0))
    trigger = task.defer()
    until(lambda: not jobs())
    if error is None:
        assert task.resume(trigger) is None
    else:
        with pytest.raises(AirflowFailException, match=error):
            task.resume(trigger)


def test_execution_timeout_deletes_the_job(jobs, make_task, write_cron_job):
    """Kubernetes knows nothing of it."""
    task = make_task(write_cron_job("sleep 30"), execution_timeout=timedelta(seconds=1.5))
    with pytest.raises(TransientError, match="execution_timeout"):
        task.run()
    assert jobs() == {}


# -- logs, events, results ---------------------------------------------------------------------------------------------


def test_logs_of_every_pod_are_in_the_tasks_log(make_task, write_cron_job, capsys):
    """Of pods that failed and were replaced, of init containers, in full, each line once."""
    pod = {
        "initContainers": [_container("prepare", "echo preparing")],
        "containers": [_container("c", "for n in 1 2 3; do echo line $n; done; exit 1")],
    }
    with pytest.raises(AirflowFailException):
        make_task(write_cron_job("", backoffLimit=1, pod=pod)).run()

    said = capsys.readouterr().out
    assert said.count("prepare] preparing") == 2
    for number in (1, 2, 3):
        assert said.count(f"c] line {number}") == 2


def test_logs_of_a_container_that_is_restarted_are_complete(make_task, write_cron_job, capsys):
    """`restartPolicy: OnFailure`: one pod, several attempts."""
    # A kubelet keeps one older log: who looks after the second restart finds nothing of the first attempt.
    script = "cd /shared; echo attempt $(ls | wc -l); touch $(ls | wc -l); sleep 1; [ $(ls | wc -l) -ge 3 ]"
    mount = {"name": "shared", "mountPath": "/shared"}
    pod = {
        "restartPolicy": "OnFailure",
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "containers": [_container("c", script, volumeMounts=[mount])],
    }
    make_task(write_cron_job("", backoffLimit=6, pod=pod)).run()

    said = capsys.readouterr().out
    assert [said.count(f"] attempt {number}") for number in range(3)] == [1, 1, 1]


def test_what_keeps_a_pod_from_starting_is_told(make_task, write_cron_job, capsys, monkeypatch):
    """By Kubernetes' own events."""
    monkeypatch.setattr(job_events, "LOOK_SECONDS", 0.3)
    variables = [{"secretRef": {"name": "none-like-this"}}]
    pod = {"containers": [_container("c", "true", envFrom=variables)]}
    with pytest.raises(TransientError, match="the last warning about it was Failed"):
        make_task(write_cron_job("", pod=pod), execution_timeout=timedelta(seconds=2)).run()
    assert 'secret "none-like-this" not found' in capsys.readouterr().out


@pytest.mark.parametrize("deferrable", [True, False])
def test_the_result_is_the_termination_message(make_task, write_cron_job, deferrable):
    """Where the template says it is."""
    note = "${LOCAL_KUBERNETES_MOUNT_DEV_TERMINATION_LOG:-/dev/termination-log}"
    script = f"""printf '{{"rows": 3}}' > {note}"""
    task = make_task(write_cron_job(script), result="termination_message", deferrable=deferrable)
    assert (task.run() if deferrable else task.operator.execute(task.context)) == {"rows": 3}


def test_the_result_is_the_xcom_file(jobs, make_task, write_cron_job):
    """One field of the template is changed for it."""
    file = "${LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM_RETURN_JSON:-/airflow/xcom/return.json}"
    source = write_cron_job(f"""echo '["č", 1]' > {file}""")
    assert make_task(source, result="xcom_file").run() == ["č", 1]
    [container] = jobs()[NAME]["spec"]["template"]["spec"]["containers"]
    assert container["terminationMessagePath"] == "/airflow/xcom/return.json"


# -- a slow cluster ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [500, 1])
def test_forbid_sees_the_running_job_among_many(local_kubernetes, batch, make_task, write_cron_job, monkeypatch, page):
    """Jobs are listed page by page."""
    monkeypatch.setattr(job_api, "PAGE", page)
    template = {"spec": {"restartPolicy": "Never", "containers": [_container("c", "true")]}}
    for name in ("a", "z"):
        body = {"metadata": {"name": name}, "spec": {"suspend": True, "template": template}}
        batch.create_namespaced_job(local_kubernetes.name, body)
    source = write_cron_job("sleep 30")
    running = make_task(source, concurrency_policy="Forbid").defer()

    blocked = make_task(source, tick=TICK + timedelta(minutes=1), concurrency_policy="Forbid").defer()
    assert (running.uid is None, blocked.uid is None) == (False, True)
    asyncio.run(running.on_kill())


@pytest.mark.timeout(180)
def test_a_slow_cluster_changes_nothing(slow_kubernetes, make_slow_task, write_cron_job, capsys):
    """Requests refused, answers lost, watches cut, pods late: one Job for each tick, each line once."""
    source = write_cron_job("echo first; sleep 3; echo last")
    tasks = [make_slow_task(source, tick=TICK + timedelta(minutes=n), run_id=str(n)) for n in range(4)]
    running = [in_background(task, task.defer()) for task in tasks]
    assert [each.join() for each in running] == [None] * 4

    said = capsys.readouterr().out
    assert (said.count("] first"), said.count("] last")) == (4, 4)
    names = _patiently(lambda: BatchV1Api(slow_kubernetes.client).list_namespaced_job(slow_kubernetes.name))
    assert len(names.items) == 4


@pytest.mark.timeout(180)
def test_a_slow_cluster_keeps_the_policies(slow_kubernetes, make_slow_task, write_cron_job):
    """Forbid waits, Replace deletes, a killed task's Job goes."""
    one, two = write_cron_job("sleep 1", name="one"), write_cron_job("sleep 100", name="two")
    ticks = [TICK + timedelta(minutes=number) for number in range(2)]
    forbid = [make_slow_task(one, tick=tick, run_id=str(tick), concurrency_policy="Forbid") for tick in ticks]
    replace = [make_slow_task(two, tick=tick, run_id=str(tick), concurrency_policy="Replace") for tick in ticks]
    waiting = [in_background(task, task.defer()) for task in forbid]
    replaced = in_background(replace[0], replace[0].defer())
    following = replace[1].defer()

    assert "replaced by Job two-29921821" in str(replaced.join())
    asyncio.run(following.on_kill())
    assert [each.join() for each in waiting] == [None, None]

    jobs = _patiently(lambda: BatchV1Api(slow_kubernetes.client).list_namespaced_job(slow_kubernetes.name)).items
    first, second = sorted((job for job in jobs), key=lambda job: job.metadata.name)
    assert (first.metadata.name, second.metadata.name) == ("one-29921820", "one-29921821")
    assert second.status.start_time >= first.status.completion_time


def _patiently(call):
    while True:
        try:
            return call()
        except ApiException:
            time.sleep(0.1)


def _container(name, script, **more):
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}
