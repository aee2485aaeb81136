"""Time from a pod's end to the start of the next one, and what the warehouse chain costs beyond its pods.

Two workers are held by other tasks all the while. Measured are:

- a line of ten pods that only wait a second (deferrable tasks, each reads the result of the one before by XCom): what
  Airflow and Kubernetes need between two pods;
- the real chain (`load_warehouse`): five datasets share the machine there, and a pod that may start waits for cores.

    ./baton python benchmarks/handover.py [--runs 5] [--json]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from baton_local.demo_summary import chain_edges
from baton_local.layout import PROJECT, Layout
from baton_local.pod_times import PodTimes, PodWatch, handover_gaps
from baton_local.stack import Options, Stack, prepare_stack

CHAIN, LINE, BUSY = "load_warehouse", "hand_over", "keep_workers_busy"
DATASETS = ["customers", "order_items", "orders", "payments", "products"]
EDGES = {CHAIN: chain_edges(DATASETS), LINE: [(f"pod_{number}", f"pod_{number + 1}") for number in range(9)]}


@dataclass
class Run:
    """One run of a DAG.

    :param wall_seconds: from the trigger to the run's end.
    :param pods_seconds: time during which at least one pod ran.
    """

    gaps: list[float]
    wall_seconds: float
    pods_seconds: float


def busy_time(pods: list[PodTimes]) -> float:
    """Length of the union of the pods' times."""
    total, end = 0.0, 0.0
    for pod in pods:
        start, finish = pod.started or 0, pod.finished or 0
        total += max(0.0, finish - max(start, end))
        end = max(end, finish)
    return total


def await_end(stack: Stack, dag_id: str, run_id: str) -> None:
    """Wait for a run's success."""
    while (state := stack.api.run(dag_id, run_id)["state"]) not in ("success", "failed"):
        time.sleep(0.1)
    if state != "success":
        raise SystemExit(f"run {run_id} of {dag_id} failed")


def run_once(stack: Stack, dag_id: str) -> Run:
    """Trigger a run and wait for its end."""
    with PodWatch(stack.cluster) as watch:
        began = time.monotonic()
        await_end(stack, dag_id, stack.api.trigger(dag_id)["dag_run_id"])
        wall = time.monotonic() - began
        pods = watch.times()
    return Run(handover_gaps(pods, EDGES[dag_id]), wall, busy_time(pods))


@contextmanager
def busy_stack() -> Iterator[Stack]:
    """A warm stack of which two workers are held."""
    with tempfile.TemporaryDirectory(prefix="baton-") as folder:
        stack = prepare_stack(Layout(PROJECT, Path(folder)), Options(extra_dags=PROJECT / "benchmarks" / "dags"))
        try:
            stack.start(print)
            for dag_id in (CHAIN, LINE, BUSY):
                stack.await_dag(dag_id)
            await_end(stack, CHAIN, stack.api.run_now(CHAIN))
            stack.api.unpause(LINE)
            stack.api.unpause(BUSY)
            stack.api.trigger(BUSY, {"seconds": 3600})
            time.sleep(3)
            yield stack
        finally:
            stack.stop()


def figures(runs: list[Run]) -> dict[str, float]:
    """What is printed of the runs of one DAG."""
    gaps = [gap for run in runs for gap in run.gaps]
    return {
        "gaps": len(gaps),
        "gap, median seconds": round(statistics.median(gaps), 2),
        "gap, 90th percentile": round(statistics.quantiles(gaps, n=10)[-1], 2),
        "run, median seconds": round(statistics.median(run.wall_seconds for run in runs), 1),
        "of which pods ran": round(statistics.median(run.pods_seconds for run in runs), 1),
        "run / pods, median ratio": round(statistics.median(run.wall_seconds / run.pods_seconds for run in runs), 2),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each DAG")
    parser.add_argument("--json", action="store_true", help="every run, for programs")
    options = parser.parse_args()
    with busy_stack() as stack:
        runs = {dag_id: [run_once(stack, dag_id) for _ in range(options.runs)] for dag_id in (LINE, CHAIN)}
    if options.json:
        print(json.dumps({dag_id: [asdict(run) for run in own] for dag_id, own in runs.items()}))
        return
    for dag_id, own in runs.items():
        print(f"\n{dag_id}, {len(own)} runs")
        for name, value in figures(own).items():
            print(f"  {name:<28} {value:g}")


if __name__ == "__main__":
    main()
