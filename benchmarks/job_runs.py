"""What a job of three steps takes from the request to its success, and the same three steps as tasks of Airflow.

    ./baton python benchmarks/job_runs.py [--runs 15] [--json]

Both read twenty rows, change them and post a message, on the same warm stack, in turns: one of these, one of those. The
request is Airflow's own REST API; the end is read off the run, polled each 20 ms.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, Stack, prepare_stack

JOB, TASKS = "three_steps", "three_tasks"
GOAL_SECONDS = 2.0


def seconds_of_run(stack: Stack, dag_id: str) -> float:
    """From the request to the run's success."""
    began = time.monotonic()
    run_id = stack.api.trigger(dag_id)["dag_run_id"]
    while (state := stack.api.run(dag_id, run_id)["state"]) not in ("success", "failed"):
        time.sleep(0.02)
    if state == "failed":
        raise SystemExit(f"run {run_id} of {dag_id} failed")
    return time.monotonic() - began


def measure(runs: int) -> dict[str, list[float]]:
    """Seconds of each run, by DAG; the first of each warms up."""
    with tempfile.TemporaryDirectory(prefix="baton-") as folder:
        stack = prepare_stack(Layout(PROJECT, Path(folder)), Options(extra_dags=PROJECT / "benchmarks" / "dags"))
        try:
            stack.start(print)
            for dag_id in (JOB, TASKS):
                stack.await_dag(dag_id)
                stack.api.unpause(dag_id)
                seconds_of_run(stack, dag_id)
            found: dict[str, list[float]] = {JOB: [], TASKS: []}
            for _ in range(runs):
                for dag_id, seconds in found.items():
                    seconds.append(seconds_of_run(stack, dag_id))
            return found
        finally:
            stack.stop()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="runs of each")
    parser.add_argument("--json", action="store_true", help="every run, for programs")
    options = parser.parse_args()
    found = measure(options.runs)
    if options.json:
        print(json.dumps(found))
        return
    for dag_id, seconds in found.items():
        tenth = statistics.quantiles(seconds, n=10)[-1]
        print(f"{dag_id:<14} median {statistics.median(seconds):.2f} s, 90th percentile {tenth:.2f} s")
    print(f"goal for {JOB}: {GOAL_SECONDS} s")


if __name__ == "__main__":
    main()
