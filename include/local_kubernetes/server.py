"""The server: parts put together, a socket on loopback, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from aiohttp import web

from . import kubeconfig, pki
from .control_plane import CONTROL_PLANE, ControlPlane, build
from .controllers.manager import Driver
from .errors import unknown_resource
from .events import NODE
from .images import write_default
from .kinds.node import local_node, node_status
from .operations import Operations
from .private_files import write_private
from .routes import discovery, objects, pods
from .routes.watches import STOPPING
from .runtime.isolation import Isolation, probe
from .security import guard
from .settings import Settings
from .slow_cluster import disturbed
from .store import Store

ADDRESS = "127.0.0.1"
_LARGEST_BODY = 3 * 1024 * 1024  # as etcd's limit, roughly
_HOUSEKEEPING_SECONDS = 300
_SHUTDOWN_SECONDS = 2.0


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


def open_store(state: Path) -> Store:
    """The objects of a state directory.

    :raises StartError: they cannot be read.
    """
    try:
        return Store(state / "objects.sqlite")
    except sqlite3.DatabaseError as err:
        raise StartError(
            f"{state / 'objects.sqlite'} cannot be read: {err}. Free disk space, or move {state} away to start anew"
        ) from err


def application(cluster: ControlPlane, token: str) -> web.Application:
    """The routes behind the guard."""
    middlewares = [guard(token, cluster.access), *([disturbed(cluster.slow)] if cluster.slow else [])]
    app = web.Application(middlewares=middlewares, client_max_size=_LARGEST_BODY)
    app[CONTROL_PLANE] = cluster
    app[STOPPING] = asyncio.Event()
    app.add_routes(discovery.routes())
    pod = "/api/v1/namespaces/{namespace}/pods/{name}"
    app.add_routes([web.get(f"{pod}/log", pods.log), web.route("*", f"{pod}/exec", pods.exec_)])
    app.add_routes(
        [web.route("*", f"{pod}/attach", pods.attach_), web.route("*", f"{pod}/portforward", pods.port_forward)]
    )
    app.router.add_route("*", "/api/v1/{path:.+}", objects.handle)
    app.router.add_route("*", "/apis/{group}/{version}/{path:.+}", objects.handle)
    app.router.add_route("*", "/{path:.*}", _nothing)
    return app


async def _nothing(request: web.Request) -> web.StreamResponse:
    raise unknown_resource(f"this local server does not serve {request.path}")


def ensure_namespaces(operations: Operations, names: tuple[str, ...]) -> None:
    """Make the namespaces that are missing; ``default`` is always there."""
    for name in dict.fromkeys(("default", *names)):
        if operations.find("namespaces", "", name) is None:
            operations.create("namespaces", None, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}})


def ensure_node(operations: Operations, directory: Path, allocatable: Mapping[str, str]) -> None:
    """Register this machine as the node; one that was cordoned before stays so."""
    known = operations.find("nodes", "", NODE)
    if known is None:
        operations.create("nodes", None, local_node(directory, allocatable))
    else:
        operations.put_status("nodes", known, node_status(directory, allocatable))


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    :raises StartError: another server uses the state directory, the port is taken, …
    """
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.state.chmod(0o700)
    except OSError as err:
        raise StartError(f"the state directory {settings.state} cannot be used: {err.strerror}") from err
    if settings.images == settings.state / "images.yaml":
        write_default(settings.images)
    with _only_server(settings.state):
        try:
            isolation = await asyncio.to_thread(probe, settings.isolation)
        except OSError as err:
            raise StartError(str(err)) from err
        store = open_store(settings.state)
        try:
            await _serve(settings, build(store, settings, isolation), isolation)
        finally:
            store.close()


async def _serve(settings: Settings, cluster: ControlPlane, isolation: Isolation) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ensure_namespaces(cluster.operations, settings.namespaces)
    ensure_node(cluster.operations, settings.state, settings.allocatable)
    token = _token(settings.state)
    app = application(cluster, token)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handler_cancellation=True)
    await runner.setup()
    files = pki.ensure(settings.state / "pki")
    cluster.operations.authority = files.authority.read_text()
    listener = _listen(settings)
    port = listener.getsockname()[1]
    cluster.node.service_variables = _service_variables(port)
    driver = Driver(cluster.manager)
    await cluster.node.start()
    cluster.scheduler.start()
    driver.start()
    try:
        await web.SockSite(runner, listener, ssl_context=_tls(files), backlog=512).start()
        write_private(settings.state / "port", str(port).encode())
        kubeconfig.write(
            settings.kubeconfig,
            port=port,
            authority=files.authority,
            token=token,
            namespace=settings.namespaces[0],
        )
        print(
            f"local Kubernetes ready: https://{ADDRESS}:{port} (isolation: {isolation.level}, {isolation.why}; "
            f"kubeconfig: {settings.kubeconfig}){_slowness(settings)}",
            flush=True,
        )
        housekeeping = asyncio.create_task(_keep_house(cluster))
        await stop.wait()
        housekeeping.cancel()
    finally:
        app[STOPPING].set()
        driver.stop()
        await cluster.node.stop(end_pods=settings.end_pods_on_exit)
        await runner.cleanup()


def _service_variables(port: int) -> dict[str, str]:
    """What every container is told of the Service ``kubernetes``."""
    url = f"tcp://{ADDRESS}:{port}"
    return {
        "KUBERNETES_PORT": url,
        f"KUBERNETES_PORT_{port}_TCP": url,
        f"KUBERNETES_PORT_{port}_TCP_ADDR": ADDRESS,
        f"KUBERNETES_PORT_{port}_TCP_PORT": str(port),
        f"KUBERNETES_PORT_{port}_TCP_PROTO": "tcp",
        "KUBERNETES_SERVICE_HOST": ADDRESS,
        "KUBERNETES_SERVICE_PORT": str(port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(port),
    }


def _slowness(settings: Settings) -> str:
    return "" if settings.slow_seed is None else f"; a slow cluster, seed {settings.slow_seed}"


async def _keep_house(cluster: ControlPlane) -> None:
    while True:
        cluster.node.events.forget_old()
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)


def _token(state: Path) -> str:
    path = state / "token"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text()


def _tls(files: pki.Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


def _listen(settings: Settings) -> socket.socket:
    """A socket on the wanted port; without one on the last port, so that clients survive a restart, or a free one."""
    last = settings.state / "port"
    ports = [settings.port] if settings.port else [int(last.read_text() or 0) if last.exists() else 0, 0]
    for port in ports:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((ADDRESS, port))
        except OSError as err:
            listener.close()
            if port == ports[-1]:
                raise StartError(f"port {port} cannot be used: {err.strerror}; choose another with --port") from err
            continue
        return listener
    raise StartError("no free port")


@contextlib.contextmanager
def _only_server(state: Path) -> Iterator[None]:
    file: IO[str] = open(state / "server.lock", "a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        file.seek(0)
        other = file.read().strip()
        file.close()
        raise StartError(f"another server (pid {other}) uses {state}; end it or choose another --state-dir") from err
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    try:
        yield
    finally:
        file.close()
