"""Time from a pod's end to the start of the next one, and what the chain costs beyond its pods.

The chain is the real one (`load_warehouse`: deferrable tasks, results by XCom), while two workers are held by others.

    ./baton python benchmarks/handover.py [--runs 5]
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from baton_local.demo_summary import chain_edges
from baton_local.layout import PROJECT, Layout
from baton_local.pod_times import PodTimes, PodWatch, handover_gaps
from baton_local.stack import Options, Stack, prepare_stack

DAG_ID = "load_warehouse"
BUSY_ID = "keep_workers_busy"
DATASETS = ("customers", "order_items", "orders", "payments", "products")


@dataclass
class Run:
    """One run of the chain.

    :param wall_seconds: from the trigger to the run's end.
    :param busy_seconds: time during which at least one pod ran.
    """

    gaps: list[float]
    wall_seconds: float
    busy_seconds: float


def busy_time(pods: list[PodTimes]) -> float:
    """Length of the union of the pods' times."""
    total, end = 0.0, 0.0
    for pod in pods:
        start, finish = pod.started or 0, pod.finished or 0
        total += max(0.0, finish - max(start, end))
        end = max(end, finish)
    return total


def await_end(stack: Stack, run_id: str) -> None:
    """Wait for a run's success."""
    while (state := stack.api.run(DAG_ID, run_id)["state"]) not in ("success", "failed"):
        time.sleep(0.1)
    if state != "success":
        raise SystemExit(f"run {run_id} failed")


def run_chain(stack: Stack) -> Run:
    """Trigger the chain and wait for its end."""
    with PodWatch(stack.cluster) as watch:
        began = time.monotonic()
        run_id = stack.api.trigger(DAG_ID)["dag_run_id"]
        await_end(stack, run_id)
        wall = time.monotonic() - began
        pods = watch.times()
    return Run(handover_gaps(pods, chain_edges(list(DATASETS))), wall, busy_time(pods))


def measure(runs: int) -> list[Run]:
    """The runs after one that warms everything up."""
    with tempfile.TemporaryDirectory(prefix="baton-") as folder:
        layout = Layout(PROJECT, Path(folder))
        stack = prepare_stack(layout, Options(extra_dags=PROJECT / "benchmarks" / "dags"))
        try:
            stack.start(print)
            for dag_id in (DAG_ID, BUSY_ID):
                stack.await_dag(dag_id)
            warm_up = stack.api.run_now(DAG_ID)
            await_end(stack, warm_up)
            stack.api.trigger(BUSY_ID, {"seconds": 3600})
            stack.api.unpause(BUSY_ID)
            time.sleep(3)
            return [run_chain(stack) for _ in range(runs)]
        finally:
            stack.stop()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs = measure(options.runs)
    gaps = [gap for run in runs for gap in run.gaps]
    figures = {
        "runs": len(runs),
        "gaps": len(gaps),
        "gap_median_seconds": round(statistics.median(gaps), 3),
        "gap_90th_percentile_seconds": round(statistics.quantiles(gaps, n=10)[-1], 3),
        "gap_longest_seconds": round(max(gaps), 3),
        "wall_median_seconds": round(statistics.median(run.wall_seconds for run in runs), 2),
        "pods_busy_median_seconds": round(statistics.median(run.busy_seconds for run in runs), 2),
        "wall_over_pods": round(statistics.median(run.wall_seconds / run.busy_seconds for run in runs), 2),
    }
    if options.json:
        print(json.dumps({**figures, "each_run": [asdict(run) for run in runs]}))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<30} {value}")


if __name__ == "__main__":
    main()
