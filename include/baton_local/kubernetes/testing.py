"""A real server for tests. In a conftest.py: ``pytest_plugins = ["baton_local.kubernetes.testing"]``.

The fixture ``local_kubernetes`` gives each test a namespace of its own on one server for the whole session.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 30
_STOP_SECONDS = 20
# Every image is this interpreter's environment and the system's tools.
_IMAGES = """
images:
  - match: "*"
    path: ["{bin}"]
    command: ["sh"]
"""


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
        images = self.images or self.directory / "images.yaml"
        if not images.exists():
            images.write_text(_IMAGES)
        variables = ("--images", str(images), "--image-var", f"bin={Path(sys.executable).parent}")
        with (self.directory / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*self.prefix, *self.command(*variables)],
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
        base = [sys.executable, "-m", "baton_local.kubernetes", "--state-dir", str(self.directory / "state")]
        return [*base, *self.arguments, *more]

    def stop(self) -> None:
        """End the server; its pods go on unless it was told to end them."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """``kill -9``: the server has no chance to do anything."""
        self._end(signal.SIGKILL)

    def stop_pods(self) -> None:
        """End every pod, also without a server."""
        env = {**os.environ, "PYTHONPATH": str(_SOURCE_ROOT)}
        subprocess.run(self.command("stop-pods", "--grace", "1"), env=env, check=True, stdout=subprocess.DEVNULL)

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
        with contextlib.suppress(ProcessLookupError):
            self.stop()
        self.stop_pods()

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
        core.create_namespace({"metadata": {"name": name}})
        yield Namespace(server, name, client)
        core.delete_namespace(name)


@pytest.fixture(scope="session")
def local_kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    """One server for the session, at the best isolation level there is."""
    with LocalKubernetes(tmp_path_factory.mktemp("local-kubernetes")) as server:
        yield server


@pytest.fixture
def local_kubernetes(local_kubernetes_server: LocalKubernetes) -> Iterator[Namespace]:
    """A namespace for one test."""
    with namespace(local_kubernetes_server, f"test-{os.urandom(4).hex()}") as own:
        yield own
