"""What containers see of this machine's processes, and what of theirs stays behind: nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from kubernetes.client.exceptions import ApiException

from local_kubernetes.testing import LocalKubernetes, namespace

pytestmark = pytest.mark.timeout(60)
# Leaves its group, its session and its parent; nothing but the process tree or the shim can find it.
DAEMON = "(setsid sh -c 'sleep {mark} & touch $HOME/daemon; sleep {mark}' >/dev/null 2>&1 &); "


@pytest.fixture
def mark():
    """A number of seconds to sleep that no other process has."""
    return str(time.time_ns() % 10**9 + 10**6)


def test_a_container_sees_its_own_processes_only(place, make_pod, run_pod):
    """A process tree of its own, shown by its own /proc; the level without mounts shares this machine's."""
    if "process tree" in place.server.ready_line or "isolation: none" in place.server.ready_line:
        pytest.skip("no process trees here")

    _, log = run_pod(place, make_pod("p", "echo $$$$; ls -d /proc/[0-9]*; sleep 0.01"))

    assert log.split() == ["2", "/proc/1", "/proc/2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to hide a part of /proc")
def test_a_machine_that_forbids_a_new_proc_is_still_of_use(tmp_path, make_pod, run_pod):
    """As in many a container: part of /proc is covered, so the kernel allows no other; the server says so and runs."""
    cover = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc/fs && exec "$@"', "sh")
    with LocalKubernetes(tmp_path, ["--isolation", "user"], prefix=cover) as server, namespace(server, "own") as own:
        pod, log = run_pod(own, make_pod("p", "test -e /proc/self/stat && echo here"))

    assert "containers share this machine's process tree: mount proc on" in server.ready_line
    assert (pod.status.phase, log) == ("Succeeded", "here\n")


@pytest.mark.parametrize("end", ["exit 0", "sleep 600"])
def test_nothing_of_a_deleted_pod_stays_behind(place, make_pod, until, mark, end):
    """Neither processes, also daemonised ones, nor mounts, nor files; ended by itself or deleted while it ran."""
    pod = place.core.create_namespaced_pod(
        place.name,
        make_pod(
            "p",
            DAEMON.format(mark=mark) + f"until test -e $HOME/daemon; do :; done; {end}",
            {"volumeMounts": [{"name": "v", "mountPath": "/left/behind"}]},
            volumes=[{"name": "v", "emptyDir": {}}],
        ),
    )
    directory = place.server.directory / "state" / "pods" / pod.metadata.uid
    until((directory / "containers/base/0/scratch/daemon").exists)

    place.core.delete_namespaced_pod("p", place.name, grace_period_seconds=1)

    until(lambda: _is_gone(place, "p"))
    assert _processes_with(mark) == []
    assert not directory.exists()
    assert not Path("/left").exists()
    assert pod.metadata.uid not in _all_mounts()


def test_processes_of_a_killed_keeper_end_with_it(place, make_pod, until, mark):
    """Also daemonised ones: by the kernel where there are process trees, else by the server."""
    pod = place.core.create_namespaced_pod(place.name, make_pod("p", DAEMON.format(mark=mark) + "sleep 600"))
    directory = place.server.directory / "state" / "pods" / pod.metadata.uid
    until((directory / "containers/base/0/scratch/daemon").exists)
    assert _processes_with(mark)

    os.kill(json.loads((directory / "containers/base/0/started.json").read_text())["shim"], signal.SIGKILL)

    until(lambda: _processes_with(mark) == [])
    until(lambda: place.core.read_namespaced_pod("p", place.name).status.reason == "ContainerStatusUnknown")


def _is_gone(place, name: str) -> bool:
    try:
        place.core.read_namespaced_pod(name, place.name)
    except ApiException as err:
        return err.status == 404
    return False


def _processes_with(mark: str) -> list[str]:
    return [text for text in _contents("cmdline") if mark in text]


def _all_mounts() -> str:
    """What any process of this machine has mounted: a mount tree lives as long as a process in it."""
    return "".join(_contents("mounts"))


def _contents(name: str) -> list[str]:
    texts = []
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        try:
            texts.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return texts
