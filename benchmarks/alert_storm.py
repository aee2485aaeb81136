"""A storm of alerts against one API server: 10,000 alerts of 1,000 fingerprints in 60 s, sent by one pinned process.

Alertmanager sends groups: here 50 of 20 alerts each, every group ten times. Of each group one alert makes a run, 19 are
held back with a row of their own, and nine times out of ten all of them are repeats. Checked are the answers and the
table; the peer is the same number of runs asked of Airflow's own REST API, one after another.

    ./baton python benchmarks/alert_storm.py [--seconds 60] [--json]
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, Stack, prepare_stack

GROUPS, ALERTS, TIMES = 50, 20, 10
TARGET = "do_nothing"
ROUTES = """
version: 1
routes:
  - name: storm
    matchers: ['alertname="Storm"']
    dag: do_nothing
    conf: {namespace: "{{ labels.namespace }}"}
    deduplicate_by: [namespace]
    storm: {runs: 1000, per: 1h}
"""


@dataclass
class Seen:
    """What the sender saw."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    runs: set[str] = field(default_factory=set)


def body(group: int) -> dict[str, Any]:
    """A webhook body of one group."""
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": "Storm", "namespace": f"team-{group}", "pod": f"pod-{number}", "severity": "page"},
            "annotations": {"summary": f"pod-{number} of team-{group} is in trouble", "runbook": "https://example.org"},
            "startsAt": "2026-11-22T08:00:00.123Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
            "fingerprint": f"{group:08x}{number:08x}",
        }
        for number in range(ALERTS)
    ]
    return {
        "version": "4",
        "groupKey": f"{{}}:{{group={group}}}",
        "receiver": "baton",
        "status": "firing",
        "alerts": alerts,
    }


async def storm(url: str, token: str, seconds: float) -> Seen:
    """Send at a steady pace, whether answers come or not."""
    seen, bodies = Seen(), [json.dumps(body(group)).encode() for group in range(GROUPS)]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    posts = GROUPS * TIMES
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client, asyncio.TaskGroup() as sending:
        began = time.monotonic()
        for number in range(posts):
            await asyncio.sleep(max(0.0, began + number * seconds / posts - time.monotonic()))
            sending.create_task(send(client, bodies[number % GROUPS], seen))
    return seen


async def send(client: httpx.AsyncClient, content: bytes, seen: Seen) -> None:
    """One post and what became of it."""
    began = time.monotonic()
    response = await client.post("/alerts/v1/alertmanager", content=content)
    seen.seconds.append(time.monotonic() - began)
    seen.statuses[response.status_code] += 1
    for decision in response.json().get("decisions", []):
        seen.decisions["repeat" if decision["repeated"] else decision["decision"]] += 1
        seen.runs.add(decision["run_id"])


@contextmanager
def stack_with_routes() -> Iterator[Stack]:
    """A warm stack with this benchmark's route and target."""
    with tempfile.TemporaryDirectory(prefix="baton-") as folder:
        routes = Path(folder) / "routes.yaml"
        routes.write_text(ROUTES)
        os.environ["BATON_ALERTS_ROUTES"] = str(routes)
        stack = prepare_stack(
            Layout(PROJECT, Path(folder) / "state"), Options(extra_dags=PROJECT / "benchmarks" / "dags")
        )
        try:
            stack.start(print)
            stack.await_dag(TARGET)
            stack.api.unpause(TARGET)
            yield stack
        finally:
            stack.stop()


def by_rest(stack: Stack) -> list[float]:
    """Seconds of each run that Airflow's own API is asked for."""
    taken = []
    for number in range(GROUPS):
        began = time.monotonic()
        stack.api.trigger(TARGET, {"namespace": f"team-{number}"})
        taken.append(time.monotonic() - began)
    return taken


def figures(seen: Seen, rows: dict[str, Any], rest: list[float]) -> dict[str, Any]:
    """What is printed."""
    milliseconds = sorted(1000 * taken for taken in seen.seconds)
    each = statistics.median(rest) * 1000
    return {
        "posts answered": dict(seen.statuses),
        "alerts answered": dict(seen.decisions),
        "runs": len(seen.runs),
        "rows in the table": {verdict: found["alerts"] for verdict, found in rows.items()},
        "repeats in the table": sum(found["repeats"] for found in rows.values()),
        "post of 20 alerts, median ms": round(statistics.median(milliseconds), 1),
        "95th percentile ms": round(milliseconds[int(len(milliseconds) * 0.95)], 1),
        "slowest ms": round(milliseconds[-1], 1),
        "a run by Airflow's REST API, median ms": round(each, 1),
        "95th percentile / that run": round(milliseconds[int(len(milliseconds) * 0.95)] / each, 2),
    }


def main() -> None:
    """Print the figures; fail if an alert is lost, doubled or answered with an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="length of the storm")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    with stack_with_routes() as stack:
        rest = by_rest(stack)
        everywhere = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
        if everywhere:
            os.sched_setaffinity(0, {max(everywhere)})
        seen = asyncio.run(storm(stack.airflow.url, stack.credentials.alerts_token, options.seconds))
        headers = {"Authorization": f"Bearer {stack.api.token()}"}
        rows = httpx.get(f"{stack.airflow.url}/baton/alerts/state", headers=headers, timeout=30).json()["day"]
        results = figures(seen, rows, rest)
    print(json.dumps(results) if options.json else "\n".join(f"{name:<40} {value}" for name, value in results.items()))
    suppressed = GROUPS * (ALERTS - 1)
    expected = {"run": GROUPS, "covered": suppressed, "repeat": GROUPS * ALERTS * (TIMES - 1)}
    if dict(seen.decisions) != expected or len(seen.runs) != GROUPS or set(seen.statuses) != {200}:
        raise SystemExit(f"expected {expected} and nothing but 200")


if __name__ == "__main__":
    main()
