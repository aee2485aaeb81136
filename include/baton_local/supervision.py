"""Start, watch, restart and stop the components with ``supervisord``, which outlives the command that started it."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from baton_local.component import Component
from baton_local.errors import StackError
from baton_local.layout import Layout
from baton_local.settings import write_private

# A Unix socket's path has at most 107 characters on Linux and 103 on macOS.
SOCKET_PATH_LIMIT = 100

ALREADY_STARTED = 60

STOP_SECONDS = 180  # they end one after another, and each may take its time

PROGRAM = """
[program:{name}]
command={command}
directory={directory}
priority={order}
autostart=false
autorestart=true
startsecs=1
startretries=5
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup={as_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""

HEAD = """[unix_http_server]
file={socket}
chmod=0600
[supervisord]
logfile={state}/logs/supervisord.log
logfile_maxbytes=5MB
pidfile={state}/supervisord.pid
childlogdir={state}/logs
directory={state}/run
nodaemon=true
silent=true
user={user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
"""


NOT_INHERITED = ("KUBECONFIG",)
"""Variables of the user's shell that no part of the stack sees. KUBECONFIG names another cluster than the stack's own,
and Airflow's KubernetesPodOperator would copy that file with its credentials into the database."""


def inherited_environment() -> dict[str, str]:
    """The variables of this process that the parts of the stack get."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}


def socket_path(layout: Layout) -> Path:
    """Where supervisord listens: below the state folder or, where that path is too long, a private temporary one."""
    inside = layout.state / "supervisor.sock"
    if len(str(inside)) <= SOCKET_PATH_LIMIT:
        return inside
    name = f"baton-{os.getuid()}-{sha256(str(layout.state).encode()).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StackError(f"{folder} belongs to another user: remove it, or set TMPDIR to a folder of your own.")
    return folder / "supervisor.sock"


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _write_environment(layout: Layout, component: Component) -> None:
    """Put a component's variables where only its own shell reads them.

    Why not in supervisord's configuration: its parser takes no value with both kinds of quotes, and shows the values in
    its error messages.
    """
    folder = layout.run / component.name
    folder.mkdir(exist_ok=True)
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in component.environment.items()]
    write_private(folder / "environment", "".join(lines))


def _command(component: Component) -> str:
    start = 'set -a; . ./environment; set +a; exec "$@"'
    if component.sweeps:
        include = shlex.quote(str(Path(__file__).parents[1]))
        start = f'PYTHONPATH={include} {shlex.quote(sys.executable)} -m baton_local.leftovers "$PWD"; {start}'
    return _escape(shlex.join(["/bin/sh", "-c", start, component.name, *component.command]))


def configuration(layout: Layout, components: Sequence[Component]) -> str:
    """The configuration file of supervisord."""
    import pwd

    user = pwd.getpwuid(os.getuid()).pw_name if os.getuid() == 0 else ""
    head = HEAD.format(socket=socket_path(layout), state=_escape(str(layout.state)), user=user)
    if not user:
        head = head.replace("user=\n", "")
    return head + "".join(
        PROGRAM.format(
            name=component.name,
            command=_command(component),
            directory=_escape(str(layout.run / component.name)),
            order=component.order,
            stop_signal=component.stop_signal,
            stop_seconds=component.stop_seconds,
            # SIGINT to each PostgreSQL backend would cancel what they do; the postmaster ends them itself.
            as_group="false" if component.stop_signal == "INT" else "true",
            log=_escape(str(layout.logs / f"{component.name}.log")),
        )
        for component in components
    )


class Supervisor:
    """The running supervisord of one stack."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._socket = socket_path(layout)
        self._process: subprocess.Popen[bytes] | None = None

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def is_running(self) -> bool:
        """Whether a supervisord of this stack answers."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error):
            return False

    def launch(self, components: Sequence[Component]) -> None:
        """Start supervisord itself, with no component running yet.

        :raises StackError: it did not start; its message is in the error.
        """
        path = self._layout.state / "supervisord.conf"
        write_private(path, configuration(self._layout, components))
        for component in components:
            _write_environment(self._layout, component)
        output = self._layout.logs / "supervisord.out"
        with output.open("w") as stream:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                cwd=self._layout.run,
                env=inherited_environment(),
            )
        deadline = time.monotonic() + 15
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"the process supervisor did not start: {output.read_text().strip()[-500:]}")
            time.sleep(0.05)

    def start(self, name: str) -> None:
        """Start one component without waiting until it is ready; does nothing where it runs."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as err:
            if err.faultCode != ALREADY_STARTED:
                raise StackError(f"cannot start {name}: {err.faultString}. See ./baton logs {name}") from err

    def await_ready(self, component: Component) -> None:
        """Wait until a component answers as it should.

        :raises StackError: it ended, or was not ready in time; the tail of its log is in the message.
        """

        def ask() -> bool:
            state = self._call("getProcessInfo", component.name)["statename"]
            if state in ("BACKOFF", "FATAL", "EXITED", "STOPPED"):
                raise StackError(self._failure(component.name, "ended while it was starting"))
            return component.is_ready()

        waiting = Retrying(
            retry=retry_if_result(lambda ready: not ready),
            wait=wait_fixed(0.1),
            stop=stop_after_delay(component.ready_seconds),
        )
        try:
            waiting(ask)
        except RetryError as err:
            message = f"was not ready after {component.ready_seconds} s"
            raise StackError(self._failure(component.name, message)) from err

    def _failure(self, name: str, what: str) -> str:
        return f"{name} {what}. The end of its log:\n{tail(self._layout.logs / f'{name}.log', 12)}"

    def processes(self) -> list[dict[str, Any]]:
        """Name, state and pid of each component, as supervisord's ``getAllProcessInfo`` gives them."""
        found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        return found

    def dead(self) -> list[str]:
        """Names of components that have ended and are not started again; all that there is when supervisord is gone."""
        try:
            processes = self.processes()
        except (OSError, xmlrpc.client.Error):
            return [] if self.is_running() else ["the stack"]
        return [process["name"] for process in processes if process["statename"] in ("FATAL", "EXITED")]

    def stop(self) -> None:
        """Stop all components in the reverse order of their start, then supervisord; does nothing where none runs."""
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            self._call("shutdown")
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.1)
        if self._process is not None:
            self._process.wait(timeout=STOP_SECONDS)


def tail(path: Path, lines: int) -> str:
    """The last lines of a log file; empty where there is none."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
