"""Logs: whole, in order, to the last line; parts of them by time and by number."""

from __future__ import annotations

import datetime
import time

import pytest
from kubernetes.client.exceptions import ApiException

from local_kubernetes.testing import LocalKubernetes, namespace

pytestmark = pytest.mark.timeout(60)


def test_following_gives_every_line_up_to_the_last(local_kubernetes, make_pod, read_log):
    """The stream ends with the container, not before its last line, and the status is there by then."""
    script = "for i in $(seq 1 2000); do echo line $i; done; sleep 0.3; echo almost; printf last"
    local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, make_pod("p", script))

    log = read_log(local_kubernetes, "p", follow=True)

    state = local_kubernetes.core.read_namespaced_pod("p", local_kubernetes.name).status.container_statuses[0].state
    assert log.splitlines() == [*(f"line {number}" for number in range(1, 2001)), "almost", "last"]
    assert state.terminated is not None


def test_lines_arrive_while_the_container_runs(local_kubernetes, make_pod):
    """A follower need not wait for the end."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_pod(name, make_pod("p", "echo first; sleep 20"))
    began = time.monotonic()

    response = core.read_namespaced_pod_log("p", name, follow=True, _preload_content=False)
    first = next(response.stream())
    response.close()

    assert first == b"first\n"
    assert time.monotonic() - began < 2


def test_parts_of_a_log(local_kubernetes, make_pod, run_pod, read_log):
    """tailLines, limitBytes, sinceTime, sinceSeconds, timestamps."""
    run_pod(local_kubernetes, make_pod("p", "echo 1; echo 2; sleep 1.2; echo 3; echo; echo 5"))

    stamped = read_log(local_kubernetes, "p", timestamps=True).splitlines()
    times = [datetime.datetime.fromisoformat(line.split(" ")[0]) for line in stamped]

    assert [line.partition(" ")[2] for line in stamped] == ["1", "2", "3", "", "5"]
    assert times == sorted(times)
    assert read_log(local_kubernetes, "p", tail_lines=2) == "\n5\n"
    assert read_log(local_kubernetes, "p", tail_lines=0) == ""
    assert read_log(local_kubernetes, "p", tail_lines=99) == "1\n2\n3\n\n5\n"
    assert read_log(local_kubernetes, "p", limit_bytes=3) == "1\n2"
    assert read_log(local_kubernetes, "p", since_seconds=3600) == "1\n2\n3\n\n5\n"
    # the client has no sinceTime; kubectl sends it (test_kubectl)


def test_a_log_that_is_not_there_yet_is_a_400(local_kubernetes, make_pod):
    """A container that waits has no log; an unknown one is named."""
    inits = [{"name": "init", "image": "busybox", "command": ["sleep", "30"]}]
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_pod(name, make_pod("p", "true", initContainers=inits))

    with pytest.raises(ApiException) as waiting:
        core.read_namespaced_pod_log("p", name, container="base")
    with pytest.raises(ApiException) as unknown:
        core.read_namespaced_pod_log("p", name, container="zzz")
    with pytest.raises(ApiException) as several:
        core.read_namespaced_pod_log("p", name)

    assert waiting.value.status == unknown.value.status == several.value.status == 400
    assert 'container \\"base\\" in pod \\"p\\" is waiting to start: PodInitializing' in waiting.value.body
    assert "container zzz is not valid for pod p" in unknown.value.body
    assert "choose one of: [init base]" in several.value.body


def test_a_big_log_is_complete_and_in_order(local_kubernetes, make_pod, read_log):
    """20 MB through one pipe and two files: no line lost, none out of order, for a follower and for a later reader."""
    script = "seq -f 'line %.0f xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' 1 250000"
    core, name = local_kubernetes.core, local_kubernetes.name
    pod = core.create_namespaced_pod(name, make_pod("p", script))

    for log in (read_log(local_kubernetes, "p", follow=True), read_log(local_kubernetes, "p")):
        lines = log.splitlines()
        assert len(lines) == 250_000
        assert all(line.split(" ")[1] == str(number) for number, line in enumerate(lines, start=1))
    place = local_kubernetes.server.directory / "state" / "pods" / pod.metadata.uid
    assert len(list(place.glob("containers/base/0/log.*"))) == 2


def test_a_log_beyond_the_limit_keeps_its_end(tmp_path, make_pod, run_pod):
    """--log-limit: the oldest part goes, the last line stays."""
    with LocalKubernetes(tmp_path, ["--log-limit", "1"]) as server, namespace(server, "own") as own:
        _, log = run_pod(own, make_pod("p", "seq -f 'line %.0f' 1 200000"))

        numbers = [int(line.split(" ")[1]) for line in log.splitlines()]
        assert numbers == list(range(numbers[0], 200_001))
        assert numbers[0] > 1
        kept = (server.directory / "state" / "pods").glob("*/containers/base/0/log.*")
        assert sum(file.stat().st_size for file in kept) < 4 << 20


def test_bytes_that_are_no_text_pass(local_kubernetes, make_pod):
    """A log is bytes; nothing is decoded on the way."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_pod(name, make_pod("p", r"printf '\377\000\n'"))

    log = core.read_namespaced_pod_log("p", name, follow=True, _preload_content=False).read()

    assert log == b"\xff\x00\n"
