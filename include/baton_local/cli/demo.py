"""``./baton demo``: the nightly chain for real, watched, and judged."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from baton_local.cli.stack import (
    Isolation,
    Policies,
    Restricted,
    Scale,
    SlowCluster,
    Source,
    console,
    show_login,
    start,
    stop,
)
from baton_local.demo_summary import DAG_ID, show_summary
from baton_local.pod_times import PodWatch
from baton_local.run_progress import follow_run
from baton_local.stack import Options, Stack
from baton_local.stuck_pods import pod_troubles


def demo(
    source: Source = None,
    policies: Policies = None,
    scale: Scale = None,
    isolation: Isolation = "auto",
    slow_cluster: SlowCluster = False,
    restricted: Restricted = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack and the web UI running until Ctrl-C.")] = False,
) -> None:
    """Run the nightly warehouse chain on real parts and print what happened. Exit code 0: every check passed."""
    stack = start(Options(source, policies, scale, isolation, slow_cluster=slow_cluster, restricted=restricted))
    try:
        passed = _run(stack)
        if keep:
            show_login(stack)
            console.print("Stop with Ctrl-C.")
            while stack.supervisor.is_running():
                time.sleep(1)
    except KeyboardInterrupt:
        passed = False
    finally:
        stop(stack)
    raise typer.Exit(0 if passed else 1)


def _run(stack: Stack) -> bool:
    stack.await_dag(DAG_ID)
    troubles = pod_troubles(stack.cluster)
    with PodWatch(stack.cluster) as watch:
        # A DAG that is on since an earlier demo may have begun with a missed run when the stack came up.
        run_id = stack.api.active_run(DAG_ID) or stack.api.run_now(DAG_ID)
        console.print(f"\nRun {run_id} of {DAG_ID}: {stack.airflow.url}/dags/{DAG_ID}/runs/{run_id}", soft_wrap=True)
        state = follow_run(stack.api, DAG_ID, run_id, console, troubles)
        return show_summary(stack, run_id, state, watch.times(), console)
