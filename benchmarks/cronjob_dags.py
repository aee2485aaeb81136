"""What a DAG of a CronJob costs the dag-processor, and one of dag-factory with the same jobs, in one run.

    ./baton python benchmarks/cronjob_dags.py [--jobs 500] [--rounds 3] [--json]

Each measurement is a real `airflow dag-processor`, started on an empty PostgreSQL database, and ends when all DAGs are
serialised there. A job is one file on both sides: a CronJob manifest here, a DAG with a KubernetesPodOperator there
(dag-factory knows no CronJob, so image, command, arguments, environment, schedule, retries are said in its own words).
"Baton's jobs" are as many job files of three steps (docs/jobs.md). "By hand" is the limit: the same DAGs as
dag-factory's, written in one Python file. Each contestant also runs with one job; the difference is what a DAG costs.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from measurement import median
from other_tools import install_beside
from sample_cronjobs import airflow_dags, cronjobs, dag_factory, job_files, one_python_file
from servers import postgres

from baton_local.layout import PROJECT
from baton_local.postgres import Postgres

DAG_FACTORY = "dag-factory==1.1.0"
TEMPLATE = "airflow_empty"
TIMEOUT_SECONDS = 300
POLL_SECONDS = 0.05
GOAL_SECONDS = 10
CONTESTANTS: dict[str, Callable[[int, Path], None]] = {
    "baton": cronjobs,
    "baton's jobs": job_files,
    "dag-factory": dag_factory,
    "by hand": one_python_file,
}


class Processor:
    """A dag-processor on a folder of DAGs, with a database of its own for each measurement."""

    def __init__(self, server: Postgres, state: Path) -> None:
        self.server, self.state = server, state

    def migrate(self) -> None:
        """Make the empty database that all others are copies of."""
        self._drop(TEMPLATE)
        self.server.make_database(TEMPLATE, "postgres", self.server.password)
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        subprocess.run(command, env=self._environment(TEMPLATE, self.state, None), check=True, capture_output=True)

    def seconds_until(self, count: int, dags: Path, packages: Path | None) -> float:
        """Start it, wait until so many DAGs are serialised, stop it.

        :param packages: a folder with packages of its own.
        :raises SystemExit: it ended, or the DAGs did not come.
        """
        database = "airflow_measured"
        self._drop(database)
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {TEMPLATE}".encode())
        log = self.state / "dag-processor.log"
        command = [sys.executable, "-m", "airflow", "dag-processor"]
        environment = self._environment(database, dags, packages)
        with log.open("wb") as out, psycopg.connect(self.server.dsn(database), autocommit=True) as connection:
            began = time.monotonic()
            with subprocess.Popen(
                command, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            ) as running:
                try:
                    while _serialised(connection) < count:
                        if running.poll() is not None or time.monotonic() - began > TIMEOUT_SECONDS:
                            raise SystemExit(f"{_serialised(connection)} of {count} DAGs came; see {log}")
                        time.sleep(POLL_SECONDS)
                    return time.monotonic() - began
                finally:
                    # Not terminate: an exit asked for in the middle of a write is sometimes lost.
                    os.killpg(running.pid, signal.SIGKILL)

    def _drop(self, database: str) -> None:
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())

    def _environment(self, database: str, dags: Path, packages: Path | None) -> dict[str, str]:
        path = [PROJECT / name for name in ("plugins", "include", "config")] + [packages] * (packages is not None)
        return airflow_dags(dags) | {
            "PYTHONPATH": ":".join(map(str, path)),
            "AIRFLOW_HOME": str(self.state / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.server.dsn(database).replace(
                "postgresql://", "postgresql+psycopg2://", 1
            ),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        }


def _serialised(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("SELECT count(*) FROM serialized_dag").fetchone()
    return row[0] if row else 0


def measure(options: argparse.Namespace) -> tuple[dict[str, dict[int, list[float]]], dict[str, str]]:
    """Seconds by contestant and number of jobs, and why a contestant was skipped."""
    packages, skipped = options.state / "packages", {name: "as asked" for name in options.skip}
    if "dag-factory" not in skipped and (reason := install_beside(packages, [DAG_FACTORY])):
        skipped["dag-factory"] = reason
    seconds: dict[str, dict[int, list[float]]] = {}
    with postgres(options.state) as server:
        processor = Processor(server, options.state)
        processor.migrate()
        for number in range(1, options.rounds + 1):
            for name in [name for name in CONTESTANTS if name not in skipped]:
                for count in (1, options.jobs):
                    print(f"round {number}: {name}, {count} jobs", file=sys.stderr)
                    dags = options.state / "dags" / f"{name.replace(' ', '-')}-{count}"
                    CONTESTANTS[name](count, dags)
                    took = processor.seconds_until(count, dags, packages if name == "dag-factory" else None)
                    seconds.setdefault(name, {}).setdefault(count, []).append(took)
    return seconds, skipped


def figures(seconds: dict[str, dict[int, list[float]]], jobs: int) -> dict[str, float]:
    """Medians, cost of a DAG, and the ratios."""
    found: dict[str, float] = {}
    each = {}
    for name, by_count in seconds.items():
        one, all_jobs = median(by_count[1]), median(by_count[jobs])
        each[name] = (all_jobs - one) / (jobs - 1) * 1000
        found |= {f"{name}, one DAG, seconds": one, f"{name}, {jobs} DAGs, seconds": all_jobs}
        found[f"{name}, milliseconds a DAG"] = round(each[name], 2)
    for name in ("baton", "baton's jobs"):
        against = round(median(seconds[name][jobs]) / GOAL_SECONDS, 2)
        found[f"{jobs} DAGs of {name} against the goal of {GOAL_SECONDS} s, times"] = against
    for name in list(each)[1:]:
        found[f"a DAG of baton's against one of {name}, times its cost"] = round(each["baton"] / each[name], 2)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], choices=list(CONTESTANTS)[2:])
    parser.add_argument("--state", type=Path, default=PROJECT / ".baton" / "benchmark-dags")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.state = options.state.absolute()
    seconds, skipped = measure(options)
    found = figures(seconds, options.jobs)
    if options.json:
        print(json.dumps({**found, "skipped": skipped}))
        return
    for label, value in found.items():
        print(f"{label:<60}{value}")
    for name, reason in skipped.items():
        print(f"{name}: skipped: {reason}")


if __name__ == "__main__":
    main()
