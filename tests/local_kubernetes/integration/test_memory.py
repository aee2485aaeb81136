"""Memory limits, as this machine can keep them."""

from __future__ import annotations

import os

import pytest

from local_kubernetes.runtime import memory

pytestmark = pytest.mark.timeout(60)
LIMITS = {"resources": {"limits": {"memory": "64Mi", "cpu": "100m"}}}


def _python(program: str):
    return {"command": ["python", "-S", "-c", program], **LIMITS}


def test_a_container_over_its_limit_is_killed(place, make_pod, run_pod):
    """OOMKilled with exit code 137."""
    program = "import time; block = b'x' * (100 << 20); time.sleep(60)"

    pod, _ = run_pod(place, make_pod("p", "", _python(program)))

    state = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, state.reason, state.exit_code) == ("Failed", "OOMKilled", 137)


def test_all_processes_of_a_container_count(place, make_pod, run_pod):
    """Also those that left its group: three of 30 MiB are too many for 64 MiB."""
    program = (
        "import os, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid(); block = b'x' * (30 << 20); time.sleep(60)\n"
        "time.sleep(60)"
    )

    pod, _ = run_pod(place, make_pod("p", "", _python(program)))

    assert pod.status.container_statuses[0].state.terminated.reason == "OOMKilled"


def test_memory_that_processes_share_counts_once(place, make_pod, run_pod):
    """Five forks of a process with 40 MiB stay below 64 MiB."""
    program = (
        "import os, time\n"
        "block = b'x' * (40 << 20)\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(0.8); os._exit(0)\n"
        "time.sleep(0.8)"
    )

    pod, _ = run_pod(place, make_pod("p", "", _python(program)))

    assert pod.status.phase == "Succeeded"


def test_a_control_group_tells_whether_the_kernel_has_killed(tmp_path):
    """Limit and count in the files that the kernel's documentation names; no group is left. No kernel is asked here."""
    group = memory.ControlGroup(str(tmp_path / "group"), 64 << 20)
    written = {path.name: path.read_text() for path in (tmp_path / "group").iterdir()}
    (tmp_path / "group" / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n")

    assert group.finish()
    assert written == {"memory.max": "67108864", "memory.oom.group": "1", "memory.swap.max": "0"}


def test_descendants_are_found_at_any_depth():
    """Children of children."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        os.write(writer, b"%d\n" % os.getpid())
        os.read(os.pipe()[0], 1)
        os._exit(min(grandchild, 1))
    with os.fdopen(reader) as lines:
        pids = {int(lines.readline()) for _ in range(2)}
        try:
            assert pids <= set(memory.descendants(os.getpid()))
            assert child in pids
        finally:
            os.close(writer)
            for pid in pids:
                os.kill(pid, 9)
            os.waitpid(child, 0)
