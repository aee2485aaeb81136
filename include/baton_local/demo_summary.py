"""What the demo tells at its end: rows, seconds, masked columns, gaps, and the same jobs on the clock."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from baton_local.failures import show_failures
from baton_local.pod_times import PodTimes, handover_gaps
from baton_local.stack import Stack

DAG_ID = "load_warehouse"
CLOCK_STAGES = (("export", "01:00"), ("transform", "02:00"), ("load", "03:00"))
SAMPLE_TABLE = "customers"
SAMPLE_COLUMNS = (
    "id", "full_name", "email", "phone", "birth_date", "iban", "city", "country", "credit_limit", "created_at",
)  # fmt: skip
SAMPLE_WIDTH = 34


def show_summary(stack: Stack, run_id: str, state: str, pods: list[PodTimes], console: Console) -> bool:
    """Print the summary of one run; returns whether the run did all that it should."""
    instances = stack.api.task_instances(DAG_ID, run_id)
    if state != "success":
        console.print("\n[red]The run failed.[/]")
        show_failures(stack.api, DAG_ID, run_id, stack.airflow.task_logs, console)
        return False
    datasets = sorted(item["task_id"].split(".")[0] for item in instances if item["task_id"].endswith(".load"))
    results = {item["task_id"]: stack.api.result(DAG_ID, run_id, item["task_id"]) for item in instances}
    agreed = _show_rows(stack, datasets, results, console)
    if stack.options.source_dsn is None:
        _show_sample(stack, results, console)
    _show_gaps(datasets, pods, console)
    _show_clock(pods, console)
    words = "[green]Every row arrived; all checks passed.[/]" if agreed else "[red]The warehouse's rows differ.[/]"
    console.print(f"\n{words}")
    return agreed


def _count(dsn: str, table: str) -> int:
    with psycopg.connect(dsn) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _show_rows(stack: Stack, datasets: list[str], results: dict[str, Any], console: Console) -> bool:
    """Rows at each stage, and counted once more at both ends."""
    table = Table("dataset", box=None, pad_edge=False, title="\nRows and seconds by stage", title_justify="left")
    # A source of the user's own goes on changing while the chain runs: its rows are not counted again.
    demo_source = stack.options.source_dsn is None
    headings = ["transformed", "loaded", "in the warehouse", "transform s", "load s"]
    for heading in ["in the source", *headings] if demo_source else headings:
        table.add_column(heading, justify="right")
    agreed = True
    for dataset in datasets:
        transform, load = results[f"{dataset}.transform"], results[f"{dataset}.load"]
        rows = [transform["rows"], load["rows"], _count(stack.warehouse_dsn, dataset)]
        if demo_source:
            rows.insert(0, _count(stack.source_dsn, dataset))
        agreed = agreed and len(set(rows)) == 1
        seconds = (f"{transform['seconds']:.2f}", f"{load['seconds']:.2f}")
        table.add_row(dataset, *(f"{number:,}" for number in rows), *seconds)
    console.print(table)
    export, validate = results["export"]["seconds"], results["validate"]["seconds"]
    console.print(f"export of all datasets {export:.2f} s · validate {validate:.2f} s")
    return agreed


def _show_sample(stack: Stack, results: dict[str, Any], console: Console) -> None:
    """One customer before and after; only for the demo schema, whose people are invented."""
    if f"{SAMPLE_TABLE}.load" not in results:
        return
    before, after = _sample_rows(stack)
    table = Table("column", "source", "warehouse", box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.title = f"\nOne row of {SAMPLE_TABLE}, before and after"
    for name in SAMPLE_COLUMNS:
        table.add_row(name, _short(before[name]), _short(after[name]) if name in after else "(dropped)")
    console.print(table)


def _short(value: object) -> str:
    text = "NULL" if value is None else repr(value) if isinstance(value, str) and "\n" in value else str(value)
    return text if len(text) <= SAMPLE_WIDTH else text[: SAMPLE_WIDTH - 1] + "…"


def _sample_rows(stack: Stack) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same customer on both sides, found again in the warehouse by the pseudonym of its id."""
    pick = "SELECT * FROM customers ORDER BY num_nulls(email, phone, birth_date, full_name), id LIMIT 1"
    with psycopg.connect(stack.source_dsn, row_factory=dict_row) as source:
        before = source.execute(pick).fetchone() or {}
    with psycopg.connect(stack.warehouse_dsn, row_factory=dict_row) as warehouse:
        key = _pseudonym(stack, "customer", str(before["id"]))
        after = warehouse.execute("SELECT * FROM customers WHERE id = %s", (key,)).fetchone()
    return before, after or {}


def _pseudonym(stack: Stack, domain: str, value: str) -> str:
    """What the transform makes of a value; asked of the workloads' own command line, as an operator would."""
    command = [sys.executable, "-m", "baton_workloads", "etl", "policy", "pseudonym", "--domain", domain]
    environment = {**os.environ, "BATON_PSEUDONYM_KEY": stack.credentials.pseudonym_key}
    done = subprocess.run(command, input=value, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def chain_edges(datasets: list[str]) -> list[tuple[str, str]]:
    """Which pod waits for which, by task id."""
    edges = [("export", f"{dataset}.transform") for dataset in datasets]
    edges += [(f"{dataset}.transform", f"{dataset}.load") for dataset in datasets]
    return edges + [(f"{dataset}.load", "validate") for dataset in datasets]


def _show_gaps(datasets: list[str], pods: list[PodTimes], console: Console) -> None:
    gaps = handover_gaps(pods, chain_edges(datasets))
    if gaps:
        console.print(
            f"\nHand-over from a pod's end to the next pod's start: median {statistics.median(gaps):.2f} s, "
            f"longest {max(gaps):.2f} s, of {len(gaps)}"
        )


def _stage_span(pods: list[PodTimes], stage: str) -> tuple[float, float] | None:
    """First start and last end of a stage's pods, as Unix times; None where none was seen from start to end."""
    own = [pod for pod in pods if pod.task_id.rsplit(".", 1)[-1] == stage]
    spans = [(pod.started, pod.finished) for pod in own if pod.started and pod.finished]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def _clock(text: str, seconds: float) -> str:
    hours, minutes = map(int, text.split(":"))
    total = hours * 3600 + minutes * 60 + round(seconds)
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"


def _show_clock(pods: list[PodTimes], console: Console) -> None:
    """The same stages as three CronJobs at fixed times, beside what happened."""
    starts = [pod.started for pod in pods if pod.started]
    if not starts:
        return
    first = min(starts)
    table = Table("stage", "on the clock", "with Baton", box=None, pad_edge=False, title_justify="left")
    table.title = "\nThe same jobs as CronJobs at 1:00, 2:00 and 3:00 (as if this run had begun at 1:00)"
    done_clock = done_baton = 0.0
    for stage, at in CLOCK_STAGES:
        span = _stage_span(pods, stage)
        if span is None:
            return
        offset, end = span[0] - first, span[1] - first
        took = end - offset
        hours = (int(at.split(":")[0]) - 1) * 3600
        done_clock, done_baton = hours + took, end
        table.add_row(
            stage, f"{_clock(at, 0)} → {_clock(at, took)}", f"{_clock('01:00', offset)} → {_clock('01:00', end)}"
        )
    console.print(table)
    console.print(
        f"The warehouse is loaded {_span(done_clock - done_baton)} earlier; that time was waiting. "
        "And a late export delays the transform instead of feeding it yesterday's data."
    )


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
