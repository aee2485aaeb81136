"""A real server for tests. In a conftest.py: ``pytest_plugins = ["local_kubernetes.testing"]``.

The fixture ``local_kubernetes`` gives each test a namespace of its own on one server for the whole session;
``slow_kubernetes`` does so on one that plays a slow, busy cluster.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

_SOURCE_ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 30
_STOP_SECONDS = 20
_GRACE_SECONDS = 1.0
_TRIES = 20
_PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class LocalKubernetes:
    """A server in a directory of its own, as a process of its own.

    :param arguments: more of the command line, such as ``["--isolation", "none"]``.
    :param images: an images file; without one every image is this interpreter's environment.
    :raises RuntimeError: from ``start``: the server did not get ready; the message holds what it said.
    """

    directory: Path
    arguments: Sequence[str] = ()
    images: Path | None = None
    prefix: Sequence[str] = ()
    _process: subprocess.Popen[str] | None = field(default=None, init=False)
    ready_line: str = field(default="", init=False)

    @property
    def kubeconfig(self) -> Path:
        """Where clients find the server."""
        return self.directory / "state" / "kubeconfig"

    @property
    def pid(self) -> int:
        """The server's process."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def start(self) -> None:
        """Start the server, or start it again with the state it has."""
        with (self.directory / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*self.prefix, *self.command()],
                env={**os.environ, "PYTHONPATH": str(_SOURCE_ROOT)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.ready_line = self._process.stdout.readline() if self._process.stdout else ""
        if "ready" not in self.ready_line:
            self._wait()
            raise RuntimeError(f"the server did not start: {(self.directory / 'server.log').read_text()}")

    def command(self, *more: str) -> list[str]:
        """The command line for this server's state."""
        base = [sys.executable, "-m", "local_kubernetes", "--state-dir", str(self.directory / "state")]
        images = ["--images", str(self.images)] if self.images else []
        return [*base, *images, *self.arguments, *more]

    def stop(self) -> None:
        """End the server; its pods go on unless it was told to end them."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """``kill -9``: the server has no chance to do anything."""
        self._end(signal.SIGKILL)

    def stop_pods(self) -> None:
        """End every pod, also without a server."""
        env = {**os.environ, "PYTHONPATH": str(_SOURCE_ROOT)}
        subprocess.run(
            self.command("stop-pods", "--grace", str(_GRACE_SECONDS)), env=env, check=True, stdout=subprocess.DEVNULL
        )

    def client(self) -> Any:
        """An ``ApiClient`` of the official ``kubernetes`` package."""
        from kubernetes import config

        return config.new_client_from_config(str(self.kubeconfig))

    def __enter__(self) -> LocalKubernetes:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server and every pod."""
        from .runtime.leftovers import stop_pods

        with contextlib.suppress(ProcessLookupError):
            self.stop()
        stop_pods(self.directory / "state", _GRACE_SECONDS)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._wait()

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(_STOP_SECONDS)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


@dataclass(frozen=True, slots=True)
class Namespace:
    """A test's own namespace on a server."""

    server: LocalKubernetes
    name: str
    client: Any

    @property
    def core(self) -> Any:
        """The official client's ``CoreV1Api``."""
        from kubernetes.client import CoreV1Api

        return CoreV1Api(self.client)


@contextlib.contextmanager
def namespace(server: LocalKubernetes, name: str) -> Iterator[Namespace]:
    """A new namespace; everything in it is gone afterwards."""
    from kubernetes.client import CoreV1Api

    with server.client() as client:
        core = CoreV1Api(client)
        _patiently(core.create_namespace, {"metadata": {"name": name}})
        yield Namespace(server, name, client)
        _patiently(core.delete_namespace, name)


def _patiently(call: Callable[[Any], Any], argument: Any) -> None:
    """Repeat a request that a slow cluster refuses; that it was done after all (409, 404) is no error."""
    from kubernetes.client import ApiException

    for _ in range(_TRIES):
        try:
            call(argument)
            return
        except ApiException as err:
            if err.status in (404, 409):
                return
            if err.status not in (429, 500, 504):
                raise
            time.sleep(_PAUSE_SECONDS)
    raise RuntimeError(f"the cluster refused {call.__name__} {_TRIES} times")


@pytest.fixture(scope="session")
def local_kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    """One server for the session, at the best isolation level there is."""
    with LocalKubernetes(tmp_path_factory.mktemp("local-kubernetes")) as server:
        yield server


@pytest.fixture(scope="session")
def slow_kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    """One server for the session that plays a slow, busy cluster, the same one each time."""
    with LocalKubernetes(tmp_path_factory.mktemp("slow-kubernetes"), ["--slow", "1"]) as server:
        yield server


@pytest.fixture
def slow_kubernetes(slow_kubernetes_server: LocalKubernetes) -> Iterator[Namespace]:
    """A namespace for one test on a slow cluster: whoever uses it has to bear refused requests."""
    with namespace(slow_kubernetes_server, f"test-{os.urandom(4).hex()}") as own:
        yield own


@pytest.fixture
def local_kubernetes(local_kubernetes_server: LocalKubernetes) -> Iterator[Namespace]:
    """A namespace for one test."""
    with namespace(local_kubernetes_server, f"test-{os.urandom(4).hex()}") as own:
        yield own
