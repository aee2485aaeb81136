"""A real server at each isolation level that works here, and what the tests do with pods."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_kubernetes.runtime.isolation import LEVELS, attempt
from local_kubernetes.testing import (  # noqa: F401 - fixtures
    LocalKubernetes,
    Namespace,
    local_kubernetes,
    local_kubernetes_server,
    namespace,
)


def levels() -> list[Any]:
    """The levels to test at: the best one that works here and the one without isolation; the third with ``--soak``.

    Why not all of them each time: ``mount`` and ``user`` differ in how they begin, not in what they do.
    """
    working = [level for level in LEVELS if attempt(level) is None]
    between = [pytest.param(level, marks=pytest.mark.soak) for level in working[1:-1]]
    return [*working[:1], *between, *working[1:][-1:]]


@pytest.fixture(scope="session", params=levels())
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    """A server at one isolation level."""
    directory = tmp_path_factory.mktemp(f"level-{request.param}")
    with LocalKubernetes(directory, ["--isolation", request.param]) as running:
        yield running


@pytest.fixture
def place(server: LocalKubernetes) -> Iterator[Namespace]:
    """A namespace on a server at one isolation level."""
    with namespace(server, f"test-{os.urandom(4).hex()}") as own:
        yield own


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    """A server that a test may kill."""
    with LocalKubernetes(tmp_path_factory.mktemp("own"), ["--namespace", "own"]) as running:
        yield running


@pytest.fixture
def collect_sockets() -> Iterator[None]:
    """Collects what clients leave to the garbage collector within the test that expects it."""
    yield
    gc.collect()


@pytest.fixture
def make_pod() -> Callable[..., dict[str, Any]]:
    """Builds a pod that runs a shell script in its container ``base``."""

    def make(name: str, script: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
        base = {"name": "base", "image": "busybox", "command": ["sh", "-c", script], **(container or {})}
        return {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [base], **spec}}

    return make


@pytest.fixture
def read_log() -> Callable[..., str]:
    """Reads a pod's log as it comes; the client's own decoding shows bytes as ``b'…'``."""

    def read(place: Namespace, name: str, **options: Any) -> str:
        response = place.core.read_namespaced_pod_log(name, place.name, _preload_content=False, **options)
        return response.read().decode()

    return read


@pytest.fixture
def run_pod(until: Callable[..., Any], read_log: Callable[..., str]) -> Callable[..., Any]:
    """Creates a pod, waits for its end, returns it and its log."""

    def run(place: Namespace, body: dict[str, Any]) -> tuple[Any, str]:
        name = body["metadata"]["name"]
        place.core.create_namespaced_pod(place.name, body)

        def ended() -> Any:
            pod = place.core.read_namespaced_pod(name, place.name)
            return pod if pod.status.phase in ("Succeeded", "Failed") else None

        pod = until(ended)
        return pod, read_log(place, name, container="base")

    return run


@pytest.fixture
def kubectl(local_kubernetes: Namespace, tmp_path: Path) -> Callable[..., str]:  # noqa: F811 - the fixture
    """Runs the real kubectl in the test's namespace; returns what it printed."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")

    def run(*arguments: str, text: str = "", code: int = 0) -> str:
        env = {**os.environ, "KUBECONFIG": str(local_kubernetes.server.kubeconfig), "HOME": str(tmp_path)}
        command = ["kubectl", "-n", local_kubernetes.name, *arguments]
        done = subprocess.run(command, input=text, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run
