"""The data path against the limit and against other tools, all in one run: machines drift, so trust the ratios.

    ./baton python benchmarks/data_path.py [--scale 1] [--rounds 3] [--json]

A PostgreSQL of its own (below --state, kept, so that the data is made once) holds the source and every target. Each
round: the chain with file:// and with s3:// (an S3 server on loopback), each with its validation, binary COPY out and
in, pg_dump | pg_restore of the same tables unmasked, dlt doing the same masked job, Sling's plain copy.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import yaml
from limits import Limits
from measurement import Measured, median
from other_tools import OtherTools
from servers import object_store, postgres
from stages import Chain

from baton_local import shop
from baton_local.layout import PROJECT
from baton_local.postgres import Postgres

POLICIES = PROJECT / "include" / "etl" / "policies"
UNREAD = ("drop", "null", "fixed")
Work = Callable[[], list[Measured] | str]


def read_columns(datasets: list[str]) -> dict[str, list[str]]:
    """Dataset → columns whose values its policy reads."""
    policies = {name: yaml.safe_load((POLICIES / f"{name}.yaml").read_text())["columns"] for name in datasets}
    return {
        dataset: [
            name for name, rule in columns.items() if (rule["rule"] if isinstance(rule, dict) else rule) not in UNREAD
        ]
        for dataset, columns in policies.items()
    }


def contestants(server: Postgres, s3: str, options: argparse.Namespace) -> dict[str, Work]:
    """Name → one piece of work of a round, in the order of the round."""
    key = secrets.token_hex(32)
    folder = options.state / "files"
    policies = options.state / "policies"
    shutil.rmtree(policies, ignore_errors=True)
    policies.mkdir()
    for dataset in options.datasets:
        shutil.copy(POLICIES / f"{dataset}.yaml", policies)
    environment = {
        "BATON_SOURCE_DSN": server.dsn("shop"),
        "BATON_WAREHOUSE_DSN": server.dsn("warehouse"),
        "BATON_PSEUDONYM_KEY": key,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3,
    }
    roots = {"file": (f"file://{folder}/raw", f"file://{folder}/processed"), "s3": ("s3://raw", "s3://processed")}
    chains = {name: Chain(policies, options.datasets, pair, environment) for name, pair in roots.items()}
    days = (date(2000, 1, 1) + timedelta(days=number) for number in range(1000))

    def chain(name: str) -> list[Measured]:
        try:
            return chains[name].run(next(days).isoformat())
        finally:
            chains[name].clear()

    limits = Limits(server, read_columns(options.datasets), options.state)
    other_tools = OtherTools(server, options.state / "other_tools", policies, options.datasets, key)
    work: dict[str, Work] = {
        "baton, file://": lambda: chain("file"),
        "copy out, all columns": lambda: limits.copy_out(every_column=True),
        "copy out, columns read": lambda: limits.copy_out(every_column=False),
        "copy in": limits.copy_in,
        "pg_dump | pg_restore": limits.dump_and_restore,
        "baton, s3://": lambda: chain("s3"),
        "dlt": lambda: other_tools.dlt(options.dlt_backend),
        "sling, unmasked": other_tools.sling,
    }
    return {
        name: _after_checkpoint(limits, job) for name, job in work.items() if name.split(",")[0] not in options.skip
    }


def _after_checkpoint(limits: Limits, job: Work) -> Work:
    def run() -> list[Measured] | str:
        limits.checkpoint()
        return job()

    return run


Rounds = dict[str, list[list[Measured]]]


def measure(options: argparse.Namespace) -> tuple[Rounds, dict[str, str]]:
    """All rounds by name, and why a name was skipped."""
    rounds: Rounds = {}
    skipped: dict[str, str] = {}
    with postgres(options.state) as server, object_store() as s3:
        shop.make(
            server.dsn("shop"), options.scale, progress=lambda step, *_: print(f"source: {step}", file=sys.stderr)
        )
        jobs = contestants(server, s3, options)
        for number in range(1, options.rounds + 1):
            for name, job in jobs.items():
                if name in skipped:
                    continue
                print(f"round {number}: {name}", file=sys.stderr)
                done = job()
                if isinstance(done, str):
                    skipped[name] = done
                else:
                    rounds.setdefault(name, []).append(done)
    return rounds, skipped


def total(rounds: Rounds, name: str, prefixes: tuple[str, ...] = ("",)) -> float | None:
    """Median over the rounds of the own seconds of all steps whose name begins with one of the prefixes."""
    if name not in rounds:
        return None
    sums = [sum(step.own_seconds for step in steps if step.name.startswith(prefixes)) for steps in rounds[name]]
    return median(sums)


def steps(rounds: Rounds) -> list[dict[str, float | str]]:
    """Each step's medians, and its largest peak."""
    rows: list[dict[str, float | str]] = []
    for name, runs in rounds.items():
        for same in zip(*runs, strict=True):
            rows.append(
                {
                    "contestant": name,
                    "step": same[0].name,
                    "seconds": median([step.seconds for step in same]),
                    "own_seconds": median([step.own_seconds for step in same]),
                    "peak_mib": round(max(step.peak_bytes for step in same) / 2**20),
                }
            )
    return rows


Steps = tuple[str, tuple[str, ...]]  # a contestant, and how the names of its steps begin
LIMIT: Steps = ("pg_dump | pg_restore", ("",))
MOVED = ("export", "transform", "load")  # what pg_dump | pg_restore does, too
COMPARED = (*MOVED, "compare values")
RATIOS: dict[str, tuple[Steps, Steps]] = {
    "chain's speed against pg_dump | pg_restore, file://": (LIMIT, ("baton, file://", MOVED)),
    "the same with the comparison of values, file://": (LIMIT, ("baton, file://", COMPARED)),
    "chain's speed against pg_dump | pg_restore, s3://": (LIMIT, ("baton, s3://", MOVED)),
    "the same with the comparison of values, s3://": (LIMIT, ("baton, s3://", COMPARED)),
    "export's time against COPY out of all columns": (
        ("baton, file://", ("export",)),
        ("copy out, all columns", ("",)),
    ),
    "export's time against COPY out of the same columns": (
        ("baton, file://", ("export",)),
        ("copy out, columns read", ("",)),
    ),
    "load's time against COPY in of the same rows": (("baton, file://", ("load",)), ("copy in", ("",))),
    "dlt's time against the chain's": (("dlt", ("",)), ("baton, file://", MOVED)),
    "Sling's time, unmasked, against the chain's": (("sling, unmasked", ("",)), ("baton, file://", MOVED)),
}


def ratios(rounds: Rounds) -> dict[str, float]:
    """Quotients of the medians, where both were measured."""
    quotients = {}
    for label, (above, below) in RATIOS.items():
        numerator, denominator = total(rounds, *above), total(rounds, *below)
        if numerator and denominator:
            quotients[label] = round(numerator / denominator, 2)
    return quotients


def report(figures: dict[str, object], rows: list[dict[str, float | str]]) -> None:
    """Print tables for people."""
    print(f"{'':<26}{'step':<26}{'wall s':>9}{'own s':>9}{'peak MiB':>10}")
    for row in rows:
        peak = row["peak_mib"] or ""
        print(f"{row['contestant']:<26}{row['step']:<26}{row['seconds']:>9}{row['own_seconds']:>9}{peak:>10}")
    print()
    for label, value in figures.items():
        print(f"{label:<60}{value}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.05, help="1 = 2 million customers, 6 million orders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--datasets", nargs="+", default=["customers", "orders"])
    parser.add_argument("--skip", nargs="*", default=[], help="first words of contestants, as: dlt sling")
    parser.add_argument("--dlt-backend", default="pyarrow", choices=["pyarrow", "connectorx"])
    parser.add_argument("--state", type=Path, default=PROJECT / ".baton" / "benchmark")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.state = options.state.absolute()
    rounds, skipped = measure(options)
    rows = steps(rounds)
    peaks = {name: max(step.peak_bytes for run in runs for step in run) for name, runs in rounds.items()}
    figures: dict[str, object] = {
        "scale": options.scale,
        "rounds": options.rounds,
        **{f"{name}, seconds": total(rounds, name, MOVED if name.startswith("baton") else ("",)) for name in rounds},
        **{f"{name}, peak MiB": round(peak / 2**20) for name, peak in peaks.items() if peak},
        **ratios(rounds),
        **{f"{name}: skipped": reason for name, reason in skipped.items()},
    }
    if options.json:
        print(json.dumps({**figures, "steps": rows}))
    else:
        report(figures, rows)


if __name__ == "__main__":
    main()
