"""The server goes, the pods stay: what a new server finds."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import psutil
import pytest
from kubernetes import watch
from kubernetes.client.exceptions import ApiException

from local_kubernetes.testing import LocalKubernetes, Namespace

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def own(own_server):
    """A namespace on a server that may be killed; its clients are made anew after each start."""
    with own_server.client() as client:
        yield Namespace(own_server, "own", client)


def _shim(server: LocalKubernetes, pod) -> int:
    started = next((server.directory / "state" / "pods" / pod.metadata.uid).glob("containers/base/0/started.json"))
    return int(json.loads(started.read_text())["shim"])


def _phase(own, name, phase):
    pod = own.core.read_namespaced_pod(name, "own")
    return pod if pod.status.phase == phase else None


def test_a_running_pod_is_found_again_after_kill_9(own, make_pod, until, read_log):
    """It keeps its address and token, its log has no gap, and its exit code arrives."""
    script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.3; done; exit 7"
    own.core.create_namespaced_pod("own", make_pod("p", script))

    own.server.kill()
    own.server.start()

    assert own.core.read_namespaced_pod("p", "own").status.phase == "Running"
    assert read_log(own, "p", follow=True) == "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    pod = own.core.read_namespaced_pod("p", "own")
    assert pod.status.phase == "Failed"
    assert pod.status.container_statuses[0].state.terminated.exit_code == 7


def test_a_pod_that_ended_meanwhile_has_its_exit_code(own, make_pod, until, read_log):
    """Its keeper wrote it down while there was no server."""
    own.core.create_namespaced_pod("own", make_pod("p", "sleep 0.5; echo bye; exit 4"))
    own.server.kill()
    keeper = own.server.directory / "state" / "pods"
    until(lambda: list(keeper.glob("*/containers/base/0/exit.json")))

    own.server.start()

    pod = until(lambda: _phase(own, "p", "Failed"))
    assert pod.status.container_statuses[0].state.terminated.exit_code == 4
    assert read_log(own, "p") == "bye\n"


def test_a_pod_whose_keeper_died_is_failed_with_a_reason(own, make_pod, until):
    """As after a power loss: nobody saw the end, and nothing of the pod still runs."""
    pod = own.core.create_namespaced_pod("own", make_pod("p", "(setsid sleep 424242 &); sleep 424242"))
    shim = _shim(own.server, pod)
    own.server.kill()
    os.kill(shim, signal.SIGKILL)

    own.server.start()

    pod = until(lambda: _phase(own, "p", "Failed"))
    state = pod.status.container_statuses[0].state.terminated
    assert (pod.status.reason, state.reason, state.exit_code) == ("ContainerStatusUnknown",) * 2 + (137,)
    until(lambda: "424242" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout)


def test_a_keeper_that_dies_under_a_running_server_is_noticed(own, make_pod, until):
    """The pod fails at once instead of running for ever."""
    pod = own.core.create_namespaced_pod("own", make_pod("p", "sleep 424243"))

    os.kill(_shim(own.server, pod), signal.SIGKILL)

    assert until(lambda: _phase(own, "p", "Failed")).status.reason == "ContainerStatusUnknown"


def test_a_deletion_is_finished_by_the_next_server(own, make_pod, until):
    """A pod that was being deleted when the server died is gone when its grace is over."""
    own.core.create_namespaced_pod("own", make_pod("p", "trap '' TERM; sleep 424246; sleep 424246"))
    own.core.delete_namespaced_pod("p", "own", grace_period_seconds=3)
    own.server.kill()

    own.server.start()

    until(lambda: not own.core.list_namespaced_pod("own").items)
    until(lambda: not list((own.server.directory / "state" / "pods").iterdir()))
    assert "424246" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


def test_pods_that_nobody_knows_any_more_are_ended(own, make_pod, until):
    """As when the objects were moved away to start anew: what runs without an object ends."""
    own.core.create_namespaced_pod("own", make_pod("p", "(setsid sleep 424247 &); sleep 424247"))
    own.server.kill()
    for path in (own.server.directory / "state").glob("objects.sqlite*"):
        path.unlink()

    own.server.start()

    assert not list((own.server.directory / "state" / "pods").iterdir())
    assert "424247" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


def test_a_container_that_ended_meanwhile_is_started_again(own, make_pod, until):
    """Its policy holds over restarts of the server."""
    script = "echo run >> $HOME/../../runs; sleep 0.5; exit 1"
    pod = own.core.create_namespaced_pod("own", make_pod("p", script, restartPolicy="OnFailure"))
    runs = own.server.directory / "state" / "pods" / pod.metadata.uid / "containers" / "base" / "runs"
    until(lambda: runs.exists())
    own.server.kill()
    until(lambda: list(runs.parent.glob("0/exit.json")))

    own.server.start()

    until(lambda: runs.read_text() == "run\nrun\n")


def test_init_containers_go_on_after_a_restart(own, make_pod, until, read_log):
    """The pod goes on with the step it was at."""
    inits = [{"name": f"i{n}", "image": "busybox", "command": ["sleep", "0.6"]} for n in (1, 2)]
    own.core.create_namespaced_pod("own", make_pod("p", "echo main", initContainers=inits))
    own.server.kill()

    own.server.start()

    until(lambda: _phase(own, "p", "Succeeded"))
    assert read_log(own, "p", container="base") == "main\n"


def test_objects_and_versions_survive(own):
    """Secrets are there again, the version goes on, a watch from before is told to list again."""
    own.core.create_namespaced_secret("own", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    before = int(own.core.list_namespaced_secret("own").metadata.resource_version)
    own.server.kill()

    own.server.start()

    secret = own.core.read_namespaced_secret("s", "own")
    own.core.patch_namespaced_secret("s", "own", {"metadata": {"labels": {"x": "y"}}})
    after = int(own.core.read_namespaced_secret("s", "own").metadata.resource_version)
    assert secret.data == {"a": "Yg=="}
    assert after > before
    with pytest.raises(ApiException) as expired:
        next(watch.Watch().stream(own.core.list_namespaced_pod, "own", resource_version="1", timeout_seconds=1))
    assert expired.value.status == 410


def test_a_second_server_on_the_same_state_is_refused(own_server):
    """It says which process has it, and what to do."""
    other = own_server.command()

    done = subprocess.run(
        other, env={**os.environ, "PYTHONPATH": "include"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert f"another server (pid {own_server.pid})" in done.stderr


def test_stop_pods_ends_everything_without_a_server(own, make_pod, until):
    """The way down for a stack: the exit codes are found at the next start."""
    own.core.create_namespaced_pod("own", make_pod("p", "(setsid sleep 424244 &); sleep 424244"))
    own.server.kill()

    own.server.stop_pods()

    assert "424244" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout
    own.server.start()
    pod = until(lambda: _phase(own, "p", "Failed"))
    assert pod.status.container_statuses[0].state.terminated.exit_code == 137  # it has no handler for SIGTERM


def test_a_server_may_end_its_pods_when_it_ends(tmp_path, make_pod):
    """--end-pods-on-exit: one SIGTERM takes everything down."""
    with LocalKubernetes(tmp_path, ["--end-pods-on-exit"]) as server:
        with server.client() as client:
            Namespace(server, "default", client).core.create_namespaced_pod("default", make_pod("p", "sleep 424245"))
        server.stop()
        assert "424245" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout
        server.start()
        with server.client() as client:
            pod = Namespace(server, "default", client).core.read_namespaced_pod("p", "default")
        assert (pod.status.phase, pod.status.reason) == ("Failed", "Terminated")


def test_private_files_are_private(own_server):
    """Keys, token, kubeconfig and objects can be read by their owner only."""
    state = own_server.directory / "state"

    assert state.stat().st_mode & 0o777 == 0o700
    for name in ("kubeconfig", "token", "pki/server.key", "objects.sqlite"):
        assert Path(state / name).stat().st_mode & 0o077 == 0, name


def test_the_forker_is_replaced_when_it_dies(own, make_pod, until):
    """The process that starts containers may be killed like any other; running pods do not mind."""
    own.core.create_namespaced_pod("own", make_pod("before", "sleep 2; exit 5"))
    forker = next(child for child in psutil.Process(own.server.pid).children() if "forker" in " ".join(child.cmdline()))

    forker.kill()
    psutil.wait_procs([forker], timeout=5)
    own.core.create_namespaced_pod("own", make_pod("after", "true"))

    until(lambda: _phase(own, "after", "Succeeded"))
    pod = until(lambda: _phase(own, "before", "Failed"))
    assert pod.status.container_statuses[0].state.terminated.exit_code == 5


def test_a_damaged_state_is_refused_with_advice(own_server):
    """Neither a traceback nor a silent new beginning."""
    own_server.stop()
    (own_server.directory / "state" / "objects.sqlite").write_bytes(b"not a database" * 100)

    with pytest.raises(RuntimeError, match=r"error: .*objects\.sqlite cannot be read.* to start anew"):
        own_server.start()


def test_a_container_that_starts_while_the_server_is_killed_runs_to_its_end(own, make_pod, until, read_log):
    """Its keeper has nobody to report its start to, and goes on."""
    inits = [{"name": "init", "image": "busybox", "command": ["sleep", "0.3"]}]
    for number in range(3):
        own.core.create_namespaced_pod("own", make_pod(f"p{number}", "sleep 0.2; echo done", initContainers=inits))
    places = list((own.server.directory / "state" / "pods").iterdir())
    until(lambda: any((place / "containers" / "base" / "0" / "spec.json").exists() for place in places))

    own.server.kill()
    own.server.start()

    for number in range(3):
        until(lambda name=f"p{number}": _phase(own, name, "Succeeded"))
        assert read_log(own, f"p{number}", container="base") == "done\n"


def test_a_pod_of_final_phase_keeps_no_process(own, make_pod, until):
    """Whatever made it Failed before its keeper was gone: the next server ends what still runs."""
    pod = own.core.create_namespaced_pod("own", make_pod("p", "sleep 424249"))
    own.server.kill()
    with sqlite3.connect(own.server.directory / "state" / "objects.sqlite") as database:
        database.execute("UPDATE objects SET body = json_set(body, '$.status.phase', 'Failed') WHERE resource = 'pods'")
    database.close()

    own.server.start()

    assert own.core.read_namespaced_pod("p", "own").metadata.uid == pod.metadata.uid
    assert "424249" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout
