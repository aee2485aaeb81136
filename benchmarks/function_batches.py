"""Items for a function that takes 50 ms: one by one, by a mapped HttpOperator, and by InvokeFunctionBatchOperator.

- speed: 10,000 items. The loop and the mapped operator do a part of them; their time for all is that part's,
  multiplied, and marked so. A mapped HttpOperator needs a running Airflow: ``--mapped N`` starts a stack and runs N of
  them.
- a kill: the batch task is ended by SIGKILL half-way and started again; the function counts how often it applied what.
- memory: the task's peak with 10,000 and with a million items.

    ./baton python benchmarks/function_batches.py [--items 10000] [--mapped 50]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import measurement
from servers import free_port, process

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, prepare_stack

HERE = Path(__file__).parent
LATENCY = 0.05
LOOP_ITEMS = 200
MILLION = 1_000_000


@contextmanager
def function(most: int = 10_000, latency: float = LATENCY) -> Iterator[str]:
    """The function as long as the block; gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/applied").is_success
        except httpx.HTTPError:
            return False

    words = [str(port), "--latency", str(latency), "--max", str(most)]
    with process([sys.executable, str(HERE / "function_server.py"), *words], is_ready):
        yield url


def applied(url: str) -> dict[str, int]:
    """What the function has done."""
    found: dict[str, int] = httpx.get(f"{url}/applied").json()
    return found


def loop(url: str, count: int) -> float:
    """Seconds for one call after another, on one connection that stays open."""
    with httpx.Client() as client:
        began = time.monotonic()
        for item in range(count):
            client.post(f"{url}/f", json={"items": [item]}).raise_for_status()
        return time.monotonic() - began


def items_file(folder: Path, count: int) -> str:
    """A file of items; gives its address."""
    path = folder / f"{count}.jsonl"
    with path.open("w") as file:
        file.writelines(f"{item}\n" for item in range(count))
    return f"file://{path}"


def environment(url: str) -> dict[str, str]:
    """Variables of the task's process."""
    connection = {"conn_type": "http", "host": url, "extra": {"protocol": "bearer"}}
    path = os.pathsep.join(str(PROJECT / name) for name in ("plugins", "include"))
    return {"AIRFLOW_CONN_BENCHMARK": json.dumps(connection), "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


def command(folder: Path, uri: str, batch_size: int, in_flight: int) -> list[str]:
    """A try of the task."""
    return [sys.executable, str(HERE / "function_batch_task.py"), str(folder), uri, str(batch_size), str(in_flight)]


def batches(url: str, folder: Path, count: int, batch_size: int, in_flight: int) -> measurement.Measured:
    """Time of a task, with and without its process's start and Airflow's imports, and its peak memory."""
    httpx.post(f"{url}/reset")
    words = command(folder, items_file(folder, count), batch_size, in_flight)
    seconds, peak, out = measurement.run(words, environment(url))
    found = applied(url)
    if (found["items"], found["twice"]) != (count, 0):
        raise SystemExit(f"not each of {count} items was applied once: {found}")
    own = json.loads(out.splitlines()[-1])["own_seconds"]
    return measurement.Measured(f"batches of {batch_size}, {in_flight} at a time", seconds, own, peak)


def killed(url: str, folder: Path, count: int, batch_size: int) -> dict[str, int]:
    """Kill the task half-way, run it again; what the function counted."""
    httpx.post(f"{url}/reset")
    words = command(folder, items_file(folder, count), batch_size, 8)
    first = subprocess.Popen(words, env={**os.environ, **environment(url)}, stdout=subprocess.DEVNULL)
    while applied(url)["items"] < count // 2:
        if first.poll() is not None:
            raise SystemExit("the task ended before it was killed")
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    measurement.run(words, environment(url))
    return applied(url)


def mapped(url: str, count: int) -> float:
    """Seconds of a run with that many mapped HttpOperators on a stack of its own."""
    os.environ["AIRFLOW_CONN_BENCHMARK_HTTP"] = json.dumps({"conn_type": "http", "host": url})
    os.environ["BENCHMARK_CALLS"] = str(count)
    with tempfile.TemporaryDirectory(prefix="baton-") as state:
        stack = prepare_stack(Layout(PROJECT, Path(state)), Options(extra_dags=HERE / "dags"))
        try:
            stack.start(print)
            stack.await_dag("call_one_by_one")
            stack.api.unpause("call_one_by_one")
            began = time.monotonic()
            run_id = stack.api.trigger("call_one_by_one")["dag_run_id"]
            while (state_now := stack.api.run("call_one_by_one", run_id)["state"]) not in ("success", "failed"):
                time.sleep(0.2)
            if state_now != "success":
                raise SystemExit("the mapped run failed")
            return time.monotonic() - began
        finally:
            stack.stop()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--mapped", type=int, default=0, help="mapped HttpOperators to run; 0: none")
    options = parser.parse_args()
    count = options.items
    with tempfile.TemporaryDirectory(prefix="baton-") as name, function() as url:
        folder = Path(name)
        all_by_loop = loop(url, LOOP_ITEMS) / LOOP_ITEMS * count
        print(f"loop of one-by-one calls      {all_by_loop:8.1f} s  ({LOOP_ITEMS} measured, multiplied)")
        if options.mapped:
            seconds = mapped(url, options.mapped)
            all_by_mapped = seconds / options.mapped * count
            print(f"mapped HttpOperator           {all_by_mapped:8.1f} s  ({options.mapped} measured, multiplied)")
        for batch_size, in_flight in ((100, 8), (1, 64)):
            found = batches(url, folder, count, batch_size, in_flight)
            ratios = f"{all_by_loop / found.seconds:.0f} x the loop"
            if options.mapped:
                ratios += f", {all_by_mapped / found.seconds:.0f} x the mapped operator"
            print(f"{found.name:<29} {found.seconds:8.1f} s  (own {found.own_seconds:.1f} s)  {ratios}")
        print("killed half-way, run again   ", killed(url, folder, count, 10))
    with tempfile.TemporaryDirectory(prefix="baton-") as name, function(most=4) as url:
        found = batches(url, Path(name), count, 100, 32)
        print(f"a gateway that takes 4, 32 wanted {found.own_seconds:4.1f} s  {applied(url)['refused']} refusals")
    with tempfile.TemporaryDirectory(prefix="baton-") as name, function(latency=0.0) as url:
        small, large = (batches(url, Path(name), number, 100, 8) for number in (count, MILLION))
        print(f"peak with {count} items {small.peak_bytes >> 20} MiB, with a million {large.peak_bytes >> 20} MiB")
        print(f"a million items, no latency  {large.own_seconds:9.1f} s")


if __name__ == "__main__":
    main()
