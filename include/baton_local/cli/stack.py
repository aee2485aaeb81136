"""``up``, ``down``, ``status``, ``logs``, ``trigger``: the stack and its Airflow."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from baton_local.errors import StackError
from baton_local.layout import current_layout
from baton_local.stack import Options, Stack, prepare_stack, running_stack, stop_stack
from baton_local.stuck_pods import pod_troubles
from baton_local.supervision import Supervisor
from baton_local.usage import usage_of

# The dag-processor looks at a file every ten seconds; a busy machine needs longer.
NEW_FILE_SECONDS = 90.0
# Where output goes to a file, tables keep their shape instead of being folded to 80 columns.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)

Source = Annotated[
    str | None,
    typer.Option(
        "--source", envvar="BATON_SOURCE", help="Your own PostgreSQL as postgresql://…; default: the demo schema."
    ),
]
Policies = Annotated[
    Path | None,
    typer.Option(
        "--policies",
        envvar="BATON_SOURCE_POLICIES",
        file_okay=False,
        resolve_path=True,
        help="With --source: the folder of its anonymisation policies, see `./baton policy init --help`.",
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        min=0.0001,
        max=100,
        help="Size of the demo schema; 1 is 2 million customers. Default: as it is, at first 0.005.",
    ),
]
Isolation = Annotated[
    Literal["auto", "mount", "user", "none"],
    typer.Option(envvar="BATON_ISOLATION", help="How far pods are kept apart from this machine."),
]
Restricted = Annotated[
    bool,
    typer.Option(
        "--restricted",
        help="Have the local Kubernetes refuse pods that deploy/kubernetes/namespace.yaml refuses on a cluster.",
    ),
]
SlowCluster = Annotated[
    bool,
    typer.Option(
        "--slow-cluster",
        help="Let the local Kubernetes play a slow, busy one: pods wait, requests fail, pods are evicted.",
    ),
]


def start(options: Options) -> Stack:
    """Start the stack with a line of progress for each part; whatever was started is stopped on failure."""
    stack = prepare_stack(current_layout(), options)
    began = time.monotonic()
    try:
        with console.status("Starting") as line:

            def report(what: str) -> None:
                line.update(f"Starting {what} …")
                if not console.is_terminal:
                    console.print(f"[{time.monotonic() - began:5.1f} s] starting {what}")

            stack.start(report)
    except BaseException:
        stack.stop()
        raise
    console.print(f"The stack is up after {time.monotonic() - began:.0f} s.")
    return stack


def stop(stack: Stack) -> None:
    """Stop the stack; a second Ctrl-C does not leave half of it running."""
    with console.status("Stopping …"):
        try:
            stack.stop()
        except KeyboardInterrupt:
            stop_stack(stack.layout)


def show_login(stack: Stack) -> None:
    """Where the web UI is and how to sign in."""
    console.print(f"Airflow  {stack.airflow.url}  user {stack.credentials.ui_user}")
    console.print(
        f"Password in {stack.layout.airflow_home / 'passwords.json'}, or: ./baton status --password", soft_wrap=True
    )
    console.print(
        f"Alerts   POST {stack.airflow.url}/alerts/v1/alertmanager, token: ./baton alerts token", soft_wrap=True
    )


def up(
    source: Source = None,
    policies: Policies = None,
    scale: Scale = None,
    isolation: Isolation = "auto",
    slow_cluster: SlowCluster = False,
    restricted: Restricted = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it runs; ./baton down stops it.")] = False,
) -> None:
    """Start the stack and the web UI; stop both with Ctrl-C."""
    stack = start(Options(source, policies, scale, isolation, slow_cluster=slow_cluster, restricted=restricted))
    if detach:
        show_login(stack)
        return
    try:
        show_login(stack)
        console.print("Stop with Ctrl-C, or ./baton down from elsewhere.")
        while stack.supervisor.is_running():
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        stop(stack)


def down() -> None:
    """Stop the stack, also one whose terminal is gone or that was killed."""
    with console.status("Stopping …"):
        stopped = stop_stack(current_layout())
    console.print("Stopped." if stopped else "Nothing was running.")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    password: Annotated[bool, typer.Option("--password", help="Also print the web UI's password.")] = False,
) -> None:
    """What runs, since when, and with how much memory. Exit code 3: the stack is not running."""
    layout = current_layout()
    supervisor = Supervisor(layout)
    if not supervisor.is_running():
        console.print(
            json.dumps({"running": False}) if as_json else "The stack is not running. Start it with ./baton up"
        )
        raise typer.Exit(3)
    stack = running_stack(layout)
    rows = [usage_of(process) for process in supervisor.processes()]
    if as_json:
        console.print_json(
            json.dumps({"running": True, "url": stack.airflow.url, "components": [asdict(row) for row in rows]})
        )
        return
    table = Table("component", "state", "pid", "up", "memory", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.name, row.state, str(row.pid or ""), f"{row.up_seconds} s", f"{row.memory_mb} MB")
    console.print(table)
    console.print(f"all: {sum(row.memory_mb for row in rows)} MB (shared pages counted once)")
    show_login(stack)
    if password:
        console.print(stack.credentials.ui_password)


def logs(
    component: Annotated[str, typer.Argument(help="A component's name as `./baton status` shows it.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what is added.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 100,
) -> None:
    """Print a component's log."""
    folder = current_layout().logs
    path = folder / f"{component}.log"
    if not path.is_file() or path.parent != folder:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet: start with ./baton up"
        raise StackError(f"there is no log of {component!r}. Components with a log: {known}")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)]
    os.execvp(command[0], command)


def trigger(
    dag_id: Annotated[str, typer.Argument(help="The DAG to run.")],
    conf: Annotated[str, typer.Option(help="Parameters of the run, as a JSON object.")] = "{}",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit code 1 if it fails.")] = False,
) -> None:
    """Start a run of a DAG now, which switches it on. With --wait it is afterwards as it was, off or on."""
    stack = running_stack(current_layout())
    try:
        parameters = json.loads(conf)
    except ValueError as err:
        raise StackError(f'--conf is not JSON ({err}): give an object, as in \'{{"key": "value"}}\'') from err
    if not isinstance(parameters, dict):
        raise StackError('--conf must be a JSON object, as in \'{"key": "value"}\'')
    _await_dag(stack, dag_id)
    was_off = stack.api.is_paused(dag_id)
    troubles = pod_troubles(stack.cluster)
    run_id = stack.api.run_now(dag_id, parameters)
    console.print(f"{stack.airflow.url}/dags/{dag_id}/runs/{run_id}", soft_wrap=True)
    if wait and not _succeeds(stack, dag_id, run_id, troubles, was_off=was_off):
        raise typer.Exit(1)


def _succeeds(stack: Stack, dag_id: str, run_id: str, troubles: Callable[[], list[str]], *, was_off: bool) -> bool:
    """Follow a run to its end; a DAG that was off is off again then, and stays on for a run that goes on."""
    from baton_local.failures import show_failures
    from baton_local.run_progress import follow_run

    try:
        state = follow_run(stack.api, dag_id, run_id, console, troubles)
    except KeyboardInterrupt:
        kept = f"{dag_id}, which was off, is on for it" if was_off else f"{dag_id} is on as before"
        console.print(f"\nStopped watching. The run goes on, and {kept}: see the address above.", soft_wrap=True)
        raise typer.Exit(130) from None
    if was_off:  # a CronJob's DAG, say, whose CronJob still runs in the cluster
        stack.api.pause(dag_id)
    if state != "success":
        show_failures(stack.api, dag_id, run_id, stack.airflow.task_logs, console)
    return state == "success"


def _await_dag(stack: Stack, dag_id: str) -> None:
    """Give the dag-processor the time to read a file that was written a moment ago.

    A manifest is not a DAG's own file, whose change it would notice: those are read again only now and then.
    """
    deadline = time.monotonic() + NEW_FILE_SECONDS
    if not stack.api.dag_is_known(dag_id):
        stack.api.read_again("cronjob")
    with console.status(f"Waiting for Airflow to read {dag_id} …"):
        while not stack.api.dag_is_known(dag_id):
            if time.monotonic() > deadline:
                raise StackError(f"Airflow knows no DAG {dag_id}: is that its name, and can its file be read?")
            time.sleep(0.5)
