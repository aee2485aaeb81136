"""How much the local Kubernetes adds to what it runs.

- `true` in a pod, one after another and many at once, beside the physical limit: the same command by fork and exec;
- `true` through a synchronous KubernetesPodOperator, unmodified;
- 500 pods that sleep: memory and CPU of the server and of the pods' keepers;
- 100 MB of log from one pod, followed by a client, every line checked, beside the same command into a file;
- a restart with 1,000 stored objects.

    ./baton python benchmarks/local_kubernetes.py [--pods 100] [--sleepers 500] [--megabytes 100] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from local_kubernetes.testing import LocalKubernetes, Namespace, namespace

REST_SECONDS = 10
LINE_BYTES = 100


def pod(name: str, *command: str) -> dict[str, Any]:
    """A pod that runs one command once."""
    container = {"name": "base", "image": "busybox", "command": list(command)}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"metadata": {"name": name}, "spec": spec}


def median_of(action: Callable[[int], None], times: int) -> float:
    """The median of an action's seconds."""
    found = []
    for number in range(times):
        began = time.monotonic()
        action(number)
        found.append(time.monotonic() - began)
    return statistics.median(found)


def await_phase(place: Namespace, name: str, phase: str) -> None:
    """Wait by a watch, as a client without polling would."""
    from kubernetes import watch

    if place.core.read_namespaced_pod(name, place.name).status.phase == phase:
        return
    stream = watch.Watch()
    for event in stream.stream(
        place.core.list_namespaced_pod, place.name, field_selector=f"metadata.name={name}", timeout_seconds=60
    ):
        if event["object"].status.phase == phase:
            stream.stop()


def one_after_another(place: Namespace, times: int) -> dict[str, float]:
    """`true` in a pod, from POST to Succeeded, and without one."""

    def in_pod(number: int) -> None:
        place.core.create_namespaced_pod(place.name, pod(f"one-{number}", "true"))
        await_phase(place, f"one-{number}", "Succeeded")

    def alone(_: int) -> None:
        subprocess.run(["true"], check=True)

    in_pod(-1)
    return {"pod_seconds": median_of(in_pod, times), "process_seconds": median_of(alone, times)}


def at_once(place: Namespace, times: int) -> dict[str, float]:
    """Many `true` pods at once, until the last has succeeded."""
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: place.core.create_namespaced_pod(place.name, pod(f"many-{n}", "true")), range(times)))
    while len(place.core.list_namespaced_pod(place.name, field_selector="status.phase=Succeeded").items) < times:
        time.sleep(0.02)
    return {"pods_per_second": times / (time.monotonic() - began)}


def through_the_operator(place: Namespace, times: int) -> dict[str, float]:
    """`true` by KubernetesPodOperator, synchronous, as a worker calls it; Airflow's own log is not printed."""
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    def run(number: int) -> None:
        operator = KubernetesPodOperator(
            task_id=f"task-{number}",
            namespace=place.name,
            image="busybox",
            cmds=["true"],
            config_file=str(place.server.kubeconfig),
            in_cluster=False,
            startup_check_interval_seconds=1,
            get_logs=True,
        )
        instance = SimpleNamespace(
            dag_id="benchmark",
            task_id=operator.task_id,
            run_id="run",
            map_index=-1,
            try_number=1,
            xcom_push=lambda *_, **__: None,
        )
        context = {"ti": instance, "task_instance": instance, "run_id": "run", "dag_run": instance, "dag": instance}
        operator.execute_sync(context)

    run(-1)
    return {"operator_seconds": median_of(run, times)}


def family(server: LocalKubernetes) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """The server with its forker, and the keepers (and first processes) of its containers."""
    own = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
    known = {process.pid for process in own}
    keepers = [p for p in psutil.process_iter(["cmdline"]) if _is_keeper(p) and p.pid not in known]
    return own, keepers


def _is_keeper(process: psutil.Process) -> bool:
    return "local_kubernetes.runtime.forker" in " ".join(process.info["cmdline"] or [])


def memory_of(processes: list[psutil.Process]) -> float:
    """Their own memory in MB, what they share counted once (PSS)."""
    return sum(process.memory_full_info().pss for process in processes if process.is_running()) / 1e6


def cpu_of(processes: list[psutil.Process]) -> float:
    """CPU seconds so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


def sleepers(server: LocalKubernetes, place: Namespace, times: int) -> dict[str, float]:
    """Many pods that sleep: time to start them all, memory, CPU at rest."""
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        bodies = [pod(f"sleeper-{number}", "sleep", "600") for number in range(times)]
        list(pool.map(lambda body: place.core.create_namespaced_pod(place.name, body), bodies))
    while len(place.core.list_namespaced_pod(place.name, field_selector="status.phase=Running").items) < times:
        time.sleep(0.1)
    started = time.monotonic() - began
    own, keepers = family(server)
    before = cpu_of([*own, *keepers])
    time.sleep(REST_SECONDS)
    at_rest = (cpu_of([*own, *keepers]) - before) / REST_SECONDS
    found = {
        "start_seconds": started,
        "server_megabytes": memory_of(own),
        "keepers_megabytes": memory_of(keepers),
        "cores_at_rest": at_rest,
    }
    began = time.monotonic()
    place.core.delete_collection_namespaced_pod(place.name, grace_period_seconds=0)
    while place.core.list_namespaced_pod(place.name, limit=1).items:
        time.sleep(0.05)
    return {**found, "delete_seconds": time.monotonic() - began}


def long_log(place: Namespace, megabytes: int, directory: Path) -> dict[str, float]:
    """One pod that writes fast, a client that follows: every line there, in order."""
    lines = megabytes * 1_000_000 // LINE_BYTES
    script = (
        f"import sys\nrest = 'x' * {LINE_BYTES - 10}\n"
        f"for number in range({lines}): sys.stdout.write(f'{{number:08d}} {{rest}}\\n')"
    )
    command = [sys.executable, "-c", script]
    began = time.monotonic()
    with (directory / "plain").open("wb") as file:
        subprocess.run(command, stdout=file, check=True)
    plain = time.monotonic() - began
    began = time.monotonic()
    place.core.create_namespaced_pod(place.name, pod("log", *command))
    response = place.core.read_namespaced_pod_log("log", place.name, follow=True, _preload_content=False)
    seen = 0
    rest = b""
    for piece in response.stream(1 << 20):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if int(line[:8]) != seen:
                raise SystemExit(f"line {seen} is missing or out of order: {line[:20]!r}")
            seen += 1
    response.close()
    if seen != lines or rest:
        raise SystemExit(f"{seen} of {lines} lines, {len(rest)} bytes more")
    followed = time.monotonic() - began
    return {"lines": lines, "plain_seconds": plain, "followed_seconds": followed, "ratio": followed / plain}


def restart(server: LocalKubernetes, place: Namespace, objects: int) -> dict[str, float]:
    """`kill -9` and a new start with many stored objects, beside a start with none."""
    for number in range(objects):
        place.core.create_namespaced_config_map(
            place.name, {"metadata": {"name": f"c-{number}"}, "data": {"k": "v" * 500}}
        )

    def again(_: int) -> None:
        server.kill()
        server.start()

    with_objects = median_of(again, 3)
    place.core.delete_collection_namespaced_config_map(place.name)
    return {"seconds": with_objects, "empty_seconds": median_of(again, 3)}


def main() -> None:
    """Run all of it and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=100)
    parser.add_argument("--sleepers", type=int, default=500)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        LocalKubernetes(Path(name), ["--isolation", options.isolation]) as server,
        namespace(server, "benchmark") as place,
    ):
        results = {
            "one after another": one_after_another(place, options.pods),
            "at once": at_once(place, options.pods),
            "KubernetesPodOperator": through_the_operator(place, max(3, options.pods // 10)),
            "log": long_log(place, options.megabytes, Path(name)),
        }
        place.core.delete_collection_namespaced_pod(place.name)
        results["sleepers"] = sleepers(server, place, options.sleepers)
        results["restart"] = restart(server, place, options.objects)
        level = server.ready_line.partition("isolation: ")[2].partition(",")[0]
    if options.json:
        print(json.dumps(results))
        return
    print(f"isolation level: {level}")
    for title, figures in results.items():
        print(f"{title}: " + ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
