"""Pods from start to end, at every isolation level that works here."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from kubernetes import watch
from kubernetes.client.exceptions import ApiException


def test_a_pod_runs_and_succeeds(place, make_pod, run_pod):
    """Exit code 0 is Succeeded, with times, conditions and the log of its output."""
    pod, log = run_pod(place, make_pod("ok", "echo out; echo err >&2"))

    state = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, state.exit_code, state.reason) == ("Succeeded", 0, "Completed")
    assert state.started_at <= state.finished_at
    assert log == "out\nerr\n"


def test_a_failing_pod_tells_its_exit_code_and_last_words(place, make_pod, run_pod):
    """FallbackToLogsOnError puts the end of the log into the status, where operators look."""
    container = {"terminationMessagePolicy": "FallbackToLogsOnError"}

    pod, _ = run_pod(place, make_pod("bad", "echo error: disk full >&2; exit 75", container))

    state = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, state.exit_code, state.reason) == ("Failed", 75, "Error")
    assert state.message == "error: disk full\n"


def test_a_killed_container_tells_the_signal_by_its_exit_code(place, make_pod, run_pod):
    """128 + number; the field for the signal stays empty, as containerd leaves it."""
    pod, _ = run_pod(place, make_pod("killed", "kill -9 $$$$"))

    state = pod.status.container_statuses[0].state.terminated
    assert (state.exit_code, state.signal) == (137, None)


def test_a_command_that_does_not_exist_is_a_start_error(place, make_pod, run_pod):
    """The message names the command, with the exit code that containerd gives."""
    pod, _ = run_pod(place, make_pod("none", "", {"command": ["no-such-command"]}))

    state = pod.status.container_statuses[0].state.terminated
    assert (state.exit_code, state.reason) == (128, "StartError")
    assert 'exec: "no-such-command": executable file not found in $PATH' in state.message


def test_arguments_alone_need_an_entry_point_of_the_image(place, make_pod, run_pod):
    """Without one the first argument is taken for the program, with the words of a kubelet (v1.36, containerd)."""
    pod, _ = run_pod(place, make_pod("args", "", {"command": None, "args": ["signatures", "remind"]}))

    state = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, state.exit_code, state.reason) == ("Failed", 128, "StartError")
    assert state.message == (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        'unable to start container process: exec: "signatures": executable file not found in $PATH'
    )


def test_the_first_answer_already_says_running(place, make_pod):
    """Containers start before the POST is answered; Airflow need not ask again."""
    pod = place.core.create_namespaced_pod(place.name, make_pod("fast", "sleep 60"))

    assert pod.status.phase == "Running"
    assert {c.type for c in pod.status.conditions if c.status == "True"} >= {"Ready", "PodScheduled", "Initialized"}


def test_the_environment_is_the_pods_own(place, make_pod, run_pod, monkeypatch):
    """Secrets, config maps, fields and references arrive; nothing of the server's environment does."""
    place.core.create_namespaced_secret(
        place.name, {"metadata": {"name": "s"}, "stringData": {"TOKEN": "t$t", "B": "b"}}
    )
    place.core.create_namespaced_config_map(place.name, {"metadata": {"name": "c"}, "data": {"MODE": "m"}})
    container = {
        "command": ["sh", "-c", "env; echo '$(GREETING) $$(GREETING)'"],
        "envFrom": [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "missing", "optional": True}}],
        "env": [
            {"name": "B", "value": "over"},
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "MODE"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "GREETING", "value": "hello-$(POD)"},
        ],
    }

    _, log = run_pod(place, make_pod("env", "", container))

    lines = log.splitlines()
    variables = dict(line.partition("=")[::2] for line in lines[:-1])
    assert lines[-1] == "hello-env $(GREETING)"
    assert (variables["TOKEN"], variables["B"], variables["MODE"]) == ("t$t", "over", "m")
    assert variables["HOSTNAME"] == "env"
    assert not {"PYTHONPATH", "VIRTUAL_ENV", "AIRFLOW_HOME"} & set(variables)


def test_a_missing_secret_is_waited_for_by_name(place, make_pod, until):
    """The pod shows which Secret is missing, as long as it is; deleted, it ends as one that never ran."""
    body = make_pod("nosecret", "true", {"envFrom": [{"secretRef": {"name": "baton-export"}}]})
    pod = place.core.create_namespaced_pod(place.name, body)

    state = pod.status.container_statuses[0].state.waiting
    assert (state.reason, state.message) == ("CreateContainerConfigError", 'secret "baton-export" not found')
    version = pod.metadata.resource_version
    place.core.delete_namespaced_pod("nosecret", place.name)
    seen = watch.Watch().stream(place.core.list_namespaced_pod, place.name, resource_version=version, timeout_seconds=3)
    states = [change["object"].status for change in seen]
    ended = next(each for each in states if each.phase == "Failed").container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (137, "ContainerStatusUnknown")


def test_a_secret_that_comes_a_little_later_is_found(place, make_pod, until):
    """Applying a pod and its Secret in any order works."""
    body = make_pod("late", "echo $A", {"envFrom": [{"secretRef": {"name": "later"}}]})
    pod = place.core.create_namespaced_pod(place.name, body)
    assert pod.status.container_statuses[0].state.waiting.reason == "CreateContainerConfigError"

    place.core.create_namespaced_secret(place.name, {"metadata": {"name": "later"}, "stringData": {"A": "1"}})

    until(lambda: place.core.read_namespaced_pod("late", place.name).status.phase == "Succeeded")


def test_init_containers_run_first_and_in_order(place, make_pod, run_pod):
    """Each sees what the one before has left in a shared volume."""
    mount = [{"name": "shared", "mountPath": "/shared/data"}]
    script = "D=${LOCAL_KUBERNETES_MOUNT_SHARED_DATA:-/shared/data}; "
    inits = [
        {
            "name": f"init-{n}",
            "image": "busybox",
            "command": ["sh", "-c", f"{script} echo {n} >> $D/order"],
            "volumeMounts": mount,
        }
        for n in (1, 2)
    ]
    body = make_pod(
        "inits", script + "cat $D/order", {"volumeMounts": mount}, initContainers=inits,
        volumes=[{"name": "shared", "emptyDir": {}}],
    )  # fmt: skip

    pod, log = run_pod(place, body)

    assert log == "1\n2\n"
    assert [c.state.terminated.exit_code for c in pod.status.init_container_statuses] == [0, 0]


def test_a_failing_init_container_fails_the_pod(place, make_pod, until):
    """The main container never starts."""
    inits = [{"name": "init", "image": "busybox", "command": ["false"]}]
    place.core.create_namespaced_pod(place.name, make_pod("noinit", "true", initContainers=inits))

    pod = until(lambda: _phase(place, "noinit", "Failed"))

    assert pod.status.container_statuses[0].state.waiting.reason == "PodInitializing"


def test_several_containers_decide_together(place, make_pod, until):
    """The pod runs while one of them runs and fails if one has failed."""
    body = make_pod("two", "exit 3")
    body["spec"]["containers"].append({"name": "other", "image": "busybox", "command": ["sleep", "0.5"]})
    place.core.create_namespaced_pod(place.name, body)
    until(lambda: place.core.read_namespaced_pod("two", place.name).status.container_statuses[0].state.terminated)
    assert place.core.read_namespaced_pod("two", place.name).status.phase == "Running"

    pod = until(lambda: _phase(place, "two", "Failed"))

    assert [c.state.terminated.exit_code for c in pod.status.container_statuses] == [3, 0]


def test_volumes_show_secrets_and_config_maps(place, make_pod, run_pod):
    """Files below the mount paths, read-only where the level has mounts, and nothing is left on this machine."""
    place.core.create_namespaced_secret(place.name, {"metadata": {"name": "s"}, "stringData": {"key": "secret"}})
    place.core.create_namespaced_config_map(
        place.name, {"metadata": {"name": "c"}, "data": {"a.txt": "text", "b": "x"}}
    )
    script = (
        "S=${LOCAL_KUBERNETES_MOUNT_ETC_LOCAL_TEST_SECRET:-/etc/local-test/secret};"
        "C=${LOCAL_KUBERNETES_MOUNT_LOCAL_TEST_CONFIG:-/local-test/config};"
        "cat $S/key; echo; ls $C; cat $C/sub/renamed"
    )
    container = {
        "volumeMounts": [
            {"name": "s", "mountPath": "/etc/local-test/secret"},
            {"name": "c", "mountPath": "/local-test/config"},
        ]
    }
    volumes = [
        {"name": "s", "secret": {"secretName": "s", "defaultMode": 0o400}},
        {"name": "c", "configMap": {"name": "c", "items": [{"key": "a.txt", "path": "sub/renamed"}]}},
    ]

    pod, log = run_pod(place, make_pod("volumes", script, container, volumes=volumes))

    assert log == "secret\nsub\ntext"
    assert pod.status.phase == "Succeeded"
    assert not Path("/etc/local-test").exists()
    assert not Path("/local-test").exists()


def test_the_termination_message_file_is_read(place, make_pod, run_pod):
    """What a container writes to its termination log is in its status."""
    script = "echo done: 42 rows > ${LOCAL_KUBERNETES_MOUNT_DEV_TERMINATION_LOG:-/dev/termination-log}"

    pod, _ = run_pod(place, make_pod("message", script))

    assert pod.status.container_statuses[0].state.terminated.message == "done: 42 rows\n"


def test_an_image_without_runtime_waits_and_says_which_file_to_edit(tmp_path, make_pod, until):
    """ErrImagePull, which Airflow reports at once; an edited file lets the waiting pod go on."""
    from local_kubernetes.testing import LocalKubernetes, namespace

    images = tmp_path / "images.yaml"
    images.write_text("images: []\n")
    with LocalKubernetes(tmp_path, images=images) as server, namespace(server, "own") as place:
        pod = place.core.create_namespaced_pod("own", make_pod("p", "true"))
        waiting = pod.status.container_statuses[0].state.waiting
        assert waiting.reason in ("ErrImagePull", "ImagePullBackOff")
        assert str(images) in waiting.message
        events = place.core.list_namespaced_event("own", field_selector="involvedObject.name=p").items
        assert any(event.type == "Warning" and str(images) in event.message for event in events)

        images.write_text('images: [{match: "busybox"}]\n')

        until(lambda: _phase(place, "p", "Succeeded"))


def test_a_deadline_ends_the_pod(place, make_pod, until):
    """activeDeadlineSeconds: Failed with the reason DeadlineExceeded."""
    body = make_pod("deadline", "sleep 60", activeDeadlineSeconds=1, terminationGracePeriodSeconds=1)
    place.core.create_namespaced_pod(place.name, body)

    pod = until(lambda: _phase(place, "deadline", "Failed"))

    assert pod.status.reason == "DeadlineExceeded"


def test_on_failure_restarts_after_a_pause(place, make_pod, until, read_log):
    """At once the first time; then the container shows how it ended during the pause, as a kubelet does, and says
    CrashLoopBackOff only a moment before it starts again."""
    script = "cd $HOME/../..; echo run >> runs; echo run $(wc -l < runs); exit 1"
    place.core.create_namespaced_pod(place.name, make_pod("again", script, restartPolicy="OnFailure"))

    def pauses():
        status = place.core.read_namespaced_pod("again", place.name).status.container_statuses[0]
        return status if status.restart_count and status.state.terminated else None

    status, began = until(pauses), time.monotonic()

    assert status.restart_count == 1
    assert (status.state.terminated.exit_code, status.state.terminated.reason) == (1, "Error")
    assert status.last_state.terminated.exit_code == 1
    assert read_log(place, "again") == "run 2\n"
    gone = read_log(place, "again", previous=True)  # of the containers that have ended only the newest is kept
    assert gone.startswith("unable to retrieve container logs for ")
    events = place.core.list_namespaced_event(place.name, field_selector="involvedObject.name=again").items
    [told] = [event for event in events if event.reason == "BackOff"]
    pod = place.core.read_namespaced_pod("again", place.name)
    title = f"again_{place.name}({pod.metadata.uid})"
    assert (told.type, told.message) == ("Warning", f"Back-off restarting failed container base in pod {title}")

    waits, seen = None, watch.Watch()
    for change in seen.stream(place.core.list_namespaced_pod, place.name, timeout_seconds=20):
        [status] = change["object"].status.container_statuses
        waits = status.state.waiting or waits
        if status.restart_count == 2:
            break
    assert time.monotonic() - began > 8
    assert waits.reason == "CrashLoopBackOff"
    assert waits.message == f"back-off 10s restarting failed container=base pod={title}"


def test_a_process_that_leaves_its_group_ends_with_the_container(place, make_pod, run_pod, until):
    """A daemon started by the container does not outlive it."""
    mark = f"{time.time_ns() % 10**9 + 10**6}"

    pod, _ = run_pod(place, make_pod("daemon", f"(setsid sleep {mark} &) ; sleep 0.2"))

    assert pod.status.phase == "Succeeded"
    until(lambda: mark not in _command_lines())


def test_deleting_kills_the_whole_group_and_leaves_nothing(place, make_pod, until):
    """SIGTERM, the grace, SIGKILL: also for a process that ignores SIGTERM; files and mounts go as well."""
    mark = f"{time.time_ns() % 10**9 + 10**6}"
    script = f"trap '' TERM; (trap '' TERM; sleep {mark}) & wait"
    pod = place.core.create_namespaced_pod(place.name, make_pod("stubborn", script))
    directory = place.server.directory / "state" / "pods" / pod.metadata.uid
    assert directory.exists()
    until(lambda: mark in _command_lines())

    place.core.delete_namespaced_pod("stubborn", place.name, grace_period_seconds=1)

    assert place.core.read_namespaced_pod("stubborn", place.name).metadata.deletion_timestamp is not None
    until(lambda: _is_gone(place, "stubborn"))
    assert mark not in _command_lines()
    assert not directory.exists()
    assert pod.metadata.uid not in Path("/proc/self/mounts").read_text()


def test_deleting_without_grace_is_quick(place, make_pod, until):
    """grace 0 kills at once."""
    place.core.create_namespaced_pod(place.name, make_pod("quick", "trap '' TERM; sleep 60"))
    began = time.monotonic()

    place.core.delete_namespaced_pod("quick", place.name, grace_period_seconds=0)

    until(lambda: _is_gone(place, "quick"))
    assert time.monotonic() - began < 2


def test_the_python_of_the_image_is_found(place, make_pod, run_pod):
    """The runtime's path comes first, as the images file says."""
    container = {"command": ["python", "-c", "import json, kubernetes; print(json.dumps(1))"]}

    _, log = run_pod(place, make_pod("python", "", container))

    assert json.loads(log) == 1


def _phase(place, name: str, phase: str):
    pod = place.core.read_namespaced_pod(name, place.name)
    return pod if pod.status.phase == phase else None


def _is_gone(place, name: str) -> bool:
    try:
        place.core.read_namespaced_pod(name, place.name)
    except ApiException as err:
        return err.status == 404
    return False


def _command_lines() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


pytestmark = pytest.mark.timeout(60)


def test_an_ended_container_leaves_no_secret_on_disk(place, make_pod, run_pod):
    """Its environment is forgotten; a pod that is kept for a look at its log may stay for days."""
    run_pod(place, make_pod("p", "true", {"env": [{"name": "PASSWORD", "value": "correct-horse-battery"}]}))

    files = [path for path in (place.server.directory / "state" / "pods").rglob("*") if path.is_file()]

    assert files
    assert [path for path in files if b"correct-horse-battery" in path.read_bytes()] == []
