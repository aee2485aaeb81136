"""Random kills of the server while pods come and go. Takes a minute a level."""

from __future__ import annotations

import os
import random
import time

import pytest

from local_kubernetes.testing import Namespace

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]
SECONDS = 45


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_lose_nothing(own_server, make_pod, seed):
    """No pod lost, no wrong exit code, no lost or doubled line, nothing left behind."""
    chance, made, end = random.Random(seed), {}, time.monotonic() + SECONDS
    with own_server.client() as client:
        own = Namespace(own_server, "own", client)
        while time.monotonic() < end:
            if chance.random() < 0.1:
                own_server.kill()
                own_server.start()
            name, code, lines = f"p{len(made)}", chance.choice([0, 3]), chance.randint(1, 5)
            script = f"for i in $(seq {lines}); do echo $i; sleep 0.{chance.randint(0, 4)}; done; exit {code}"
            inits = [{"name": "init", "image": "busybox", "command": ["sleep", "0.2"]}] if chance.random() < 0.3 else []
            made[name] = (code, "".join(f"{line}\n" for line in range(1, lines + 1)))
            own.core.create_namespaced_pod("own", make_pod(name, script, initContainers=inits), _preload_content=False)
        _await_ends(own)

        for name, (code, log) in made.items():
            state = own.core.read_namespaced_pod(name, "own").status.container_statuses[0].state.terminated
            read = (
                own.core.read_namespaced_pod_log(name, "own", container="base", _preload_content=False).read().decode()
            )
            assert (name, state.exit_code, read) == (name, code, log)
        own.core.delete_collection_namespaced_pod("own")
        _await_none(own)
    assert os.listdir(own_server.directory / "state" / "pods") == []


def _await_ends(own: Namespace) -> None:
    while own.core.list_namespaced_pod("own", field_selector="status.phase!=Succeeded,status.phase!=Failed").items:
        time.sleep(0.2)


def _await_none(own: Namespace) -> None:
    while own.core.list_namespaced_pod("own", limit=1).items:
        time.sleep(0.1)
