"""Two hundred random deaths during runs. Takes a quarter of an hour: ``./baton test --soak -k random_kills``."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.acceptance.chain import await_value
from tests.acceptance.stacks import own_stack
from tests.acceptance.test_load_warehouse_faults import busy_worker, kill_component

from baton_local.stack import Options, Stack
from local_kubernetes.runtime.processes import of_pod

pytestmark = [pytest.mark.soak, pytest.mark.timeout(5400)]
DAG_ID, LINES = "count_lines", 30
KILLS = int(os.environ.get("BATON_SOAK_KILLS", "200"))
SEED = int(os.environ.get("BATON_SOAK_SEED", "1"))
RUN_SECONDS = 900


@pytest.fixture
def counting_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of its own with the DAG whose pods count aloud."""
    options = Options(extra_dags=Path(__file__).parent / "dags")
    with own_stack(tmp_path, options, DAG_ID) as made:
        yield made


class PodObserver:
    """Looks at all pods again and again: which there were, and of which task two ran at once."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self.uids: set[str] = set()
        self.doubles: list[str] = []

    def __enter__(self) -> "PodObserver":
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._stop.wait(0.3):
            with suppress(httpx.HTTPError, OSError), self._stack.cluster.client() as client:
                self._look(client.get("/api/v1/namespaces/baton/pods").json().get("items", []))

    def _look(self, pods: list[dict]) -> None:
        running = defaultdict(list)
        for pod in pods:
            self.uids.add(pod["metadata"]["uid"])
            labels = pod["metadata"].get("labels") or {}
            if pod["status"]["phase"] in ("Pending", "Running") and "deletionTimestamp" not in pod["metadata"]:
                running[labels.get("run_id"), labels.get("task_id")].append(pod["metadata"]["name"])
        self.doubles += [f"{task}: {names}" for task, names in running.items() if len(names) > 1]


def kill_pod(stack: Stack, chance: random.Random) -> None:
    """`kill -9` the process of a container, or its keeper."""
    pods = stack.layout.kubernetes / "pods"
    running = [file for file in pods.glob("*/containers/*/*/started.json") if not file.with_name("exit.json").exists()]
    if running:
        process = json.loads(chance.choice(running).read_text())
        with suppress(ProcessLookupError):
            os.kill(process[chance.choice(["pid", "shim"])], signal.SIGKILL)


def kill_something(stack: Stack, chance: random.Random) -> str:
    """One death; returns whose."""
    part = chance.choice(["kubernetes", "pod", "pod", "worker", "triggerer", "scheduler"])
    if part == "pod":
        kill_pod(stack, chance)
    elif part == "worker":
        worker = busy_worker(stack)
        if worker is None:
            return kill_something(stack, chance)
        worker.kill()
    else:
        await_value(lambda: is_running(stack, part), 60)
        kill_component(stack, part)
    return part


def is_running(stack: Stack, part: str) -> bool:
    """Whether the supervisor has started a component again."""
    return any(item["name"] == part and item["statename"] == "RUNNING" for item in stack.supervisor.processes())


def finished(stack: Stack, run_id: str) -> bool:
    """Whether a run has ended; the api-server may be busy."""
    with suppress(httpx.HTTPError):
        return stack.api.run(DAG_ID, run_id)["state"] in ("success", "failed")
    return False


def missing_lines(stack: Stack, run_id: str) -> dict[str, list[int]]:
    """Task → lines that its log lacks."""
    missing = {}
    for item in stack.api.task_instances(DAG_ID, run_id):
        log = stack.api.log(DAG_ID, run_id, item["task_id"], item["try_number"])
        lacking = [n for n in range(1, LINES + 1) if f"line {n} of {LINES}" not in log]
        if lacking:
            missing[f"{item['task_id']} ({item['state']})"] = lacking
    return missing


def test_random_kills_double_no_pod_leave_no_orphan_and_lose_no_line(counting_stack: Stack):
    """Kubernetes, pods, workers, triggerer and scheduler die at random; every run ends well all the same."""
    stack, chance, deaths, runs = counting_stack, random.Random(SEED), Counter(), []
    with PodObserver(stack) as observer:
        while deaths.total() < KILLS:
            if not runs or finished(stack, runs[-1]):
                runs.append(stack.api.run_now(DAG_ID))
            time.sleep(chance.uniform(0.5, 3))
            deaths[kill_something(stack, chance)] += 1
        await_value(lambda: finished(stack, runs[-1]), RUN_SECONDS)
    print(f"seed {SEED}: {dict(deaths)} in {len(runs)} runs, {len(observer.uids)} pods")

    assert [stack.api.run(DAG_ID, run_id)["state"] for run_id in runs] == ["success"] * len(runs)
    assert observer.doubles == []
    assert {run_id: lost for run_id in runs if (lost := missing_lines(stack, run_id))} == {}
    assert {uid: left for uid in observer.uids if (left := of_pod(uid))} == {}
