"""Commands inside running containers, at every isolation level."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.usefixtures("collect_sockets"),
    # The websocket client leaves closing its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _exec(place, name, *command, **options):
    options = {"stdin": False, "stdout": True, "stderr": True, "tty": False, "_preload_content": False, **options}
    connect = place.core.connect_get_namespaced_pod_exec
    return stream(connect, name, place.name, command=list(command), **options)


def _finish(session):
    session.run_forever(timeout=20)
    return session.read_stdout(), session.read_stderr(), session.returncode


@pytest.fixture
def sleeper(place, make_pod):
    """A running pod with a volume and a variable."""
    container = {
        "volumeMounts": [{"name": "v", "mountPath": "/data/dir"}],
        "env": [{"name": "COLOUR", "value": "blue"}],
    }
    script = "echo content > ${LOCAL_KUBERNETES_MOUNT_DATA_DIR:-/data/dir}/file; touch ready; sleep 60"
    body = make_pod("p", script, container, volumes=[{"name": "v", "emptyDir": {}}])
    place.core.create_namespaced_pod(place.name, body)
    return place


def test_a_command_sees_the_containers_files_and_variables(sleeper):
    """It is inside: its mounts, its environment, its streams kept apart."""
    script = "cat ${LOCAL_KUBERNETES_MOUNT_DATA_DIR:-/data/dir}/file; echo $COLOUR >&2; exit 3"

    out, err, code = _finish(_exec(sleeper, "p", "sh", "-c", script))

    assert (out, err, code) == ("content\n", "blue\n", 3)


def test_a_command_that_does_not_exist_is_an_error_of_the_runtime_s(sleeper):
    """It has no exit code, as on a cluster: only what ran has one."""
    session = _exec(sleeper, "p", "no-such-command")
    session.run_forever(timeout=10)

    ended = json.loads(session.read_channel(ERROR_CHANNEL))

    assert (ended["reason"], ended["code"]) == ("InternalError", 500)
    assert 'exec: "no-such-command": executable file not found in $PATH' in ended["message"]


def test_standard_input_reaches_the_command(sleeper):
    """The Python client sends it as text frames."""
    session = _exec(sleeper, "p", "sh", "-c", "read a; echo got $a", stdin=True)
    session.write_stdin("hello\n")

    assert _finish(session)[0] == "got hello\n"


def test_a_terminal(sleeper):
    """tty: one stream, and the command knows that it has a terminal."""
    session = _exec(sleeper, "p", "sh", "-c", "tty -s && echo yes", tty=True, stdin=True)
    session.run_forever(timeout=10)

    assert session.read_stdout() == "yes\r\n"


def test_a_client_that_leaves_ends_its_command(sleeper, until):
    """Nothing goes on for a client that is gone."""
    mark = f"{time.time_ns() % 10**9 + 10**6}"
    session = _exec(sleeper, "p", "sleep", mark)
    until(lambda: mark in _finish(_exec(sleeper, "p", "sh", "-c", "ps ax"))[0])

    session.close()

    until(lambda: mark not in _finish(_exec(sleeper, "p", "sh", "-c", "ps ax"))[0])


def test_an_ended_container_takes_no_commands(place, make_pod, run_pod):
    """400 instead of a websocket."""
    run_pod(place, make_pod("done", "true"))

    with pytest.raises((ApiException, AttributeError)):  # the client stumbles over a refused handshake
        _exec(place, "done", "true")


def test_deleting_the_pod_ends_the_command(sleeper, until):
    """A command inside does not outlive its container."""
    mark = f"{time.time_ns() % 10**9 + 10**6}"
    session = _exec(sleeper, "p", "sleep", mark)
    until(lambda: mark in _processes())

    sleeper.core.delete_namespaced_pod("p", sleeper.name, grace_period_seconds=0)

    until(lambda: mark not in _processes())
    session.close()


def _processes() -> str:
    return subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True).stdout
