"""Run the example DAGs of Airflow's cncf.kubernetes provider, unchanged, against the local Kubernetes.

A stack of its own is started (scheduler, triggerer, workers, local Kubernetes) and stopped again. One table is printed:
each task, its state and, where it did not succeed, why. The exit code is 1 if a reason is not a known one.

    ./baton python -m tests.provider_examples.run FOLDER [--only DAG_ID …] [--patience SECONDS] [--logs FOLDER]

FOLDER has the provider's example_*.py: docs/airflow-examples.md says how to get it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.provider_examples.bundle import make_bundle
from tests.provider_examples.environment import kueue, make_objects, with_images
from tests.provider_examples.reasons import REPLACED, known_reason, last_error

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, Stack, prepare_stack

BUNDLE = "extra-dags"
PARSING_SECONDS = 120
ENDED = ("success", "failed")

# Airflow's fault, also in 3.3.2: a trigger fires so soon that its task is under way again before the scheduler reads
# that the part before had ended. It takes that end for the later part's (apache/airflow #67287, #72716).
AIRFLOW_RACE = "finished with state success, but the task instance's state attribute is"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :param why: empty for a task that succeeded.
    :param is_new: whether it did not succeed for a reason that is not a known one.
    """

    dag_id: str
    task_id: str
    state: str
    why: str = ""
    is_new: bool = False


@contextmanager
def examples_stack(folder: Path, logs: Path | None) -> Iterator[tuple[Stack, int]]:
    """A running stack with the examples, and how many files they are.

    :param logs: where the tasks' logs and the stack's are kept.
    """
    os.environ.setdefault("SYSTEM_TESTS_ENV_ID", "local")
    with tempfile.TemporaryDirectory(prefix="baton-") as place:
        dags = Path(place) / "dags"
        files = make_bundle(folder, dags)
        stack = with_images(prepare_stack(Layout(PROJECT, Path(place) / "state"), Options(extra_dags=dags)))
        try:
            stack.start(lambda step: print(f"starting {step}", file=sys.stderr))
            for sentence in make_objects(stack):
                print(f"refused: {sentence}", file=sys.stderr)
            with kueue(stack):
                yield stack, len(files)
        finally:
            stack.stop()
            if logs:
                shutil.copytree(stack.layout.logs, logs / "stack", dirs_exist_ok=True)
                shutil.copytree(stack.layout.airflow_home / "logs", logs / "tasks", dirs_exist_ok=True)


def parsed(stack: Stack, files: int) -> tuple[list[str], list[Row]]:
    """The examples' DAG ids, and a row for each file that cannot be imported; waits until all files are one of both."""
    deadline = time.monotonic() + PARSING_SECONDS
    while True:
        known = stack.api.call("GET", "/dags", params={"limit": 100})["dags"]
        ids = sorted(dag["dag_id"] for dag in known if dag["bundle_name"] == BUNDLE)
        broken = [error for error in stack.api.import_errors() if error["bundle_name"] == BUNDLE]
        if len(ids) + len(broken) >= files or time.monotonic() > deadline:
            return ids, [_broken(error) for error in broken]
        time.sleep(0.5)


def _broken(error: dict[str, Any]) -> Row:
    return Row(error["filename"], "", "not imported", error["stack_trace"].strip().splitlines()[-1], is_new=True)


class Example:
    """One example DAG on a running stack."""

    def __init__(self, stack: Stack, dag_id: str, patience_seconds: float) -> None:
        self.stack, self.dag_id, self.patience_seconds = stack, dag_id, patience_seconds
        self.run_id = ""

    def run(self) -> list[Row]:
        """Run it; once more, at most twice, where Airflow itself spoiled the run. Returns its tasks' rows."""
        for _ in range(2):
            rows = self._run_once()
            if not any(AIRFLOW_RACE in row.why for row in rows):
                return rows
            print(f"once more, since Airflow's scheduler failed a task: {AIRFLOW_RACE}", file=sys.stderr)
        return self._run_once()

    def _run_once(self) -> list[Row]:
        """One run to its end, or as long as patience lasts."""
        self.run_id = self.stack.api.run_now(self.dag_id)
        self._await_end()
        rows = {row.task_id: row for row in self._rows()}
        for task_id in rows:
            if (self.dag_id, task_id) in REPLACED and rows[task_id].state == "failed":
                self._replace(task_id)
                rows = {row.task_id: row for row in self._rows()} | {task_id: rows[task_id]}
        self._end()
        return [*rows.values()]

    def _is_running(self) -> bool:
        return self.stack.api.run(self.dag_id, self.run_id)["state"] not in ENDED

    def _await_end(self) -> None:
        deadline = time.monotonic() + self.patience_seconds
        while self._is_running() and time.monotonic() < deadline:
            time.sleep(1)

    def _end(self) -> None:
        """End a run that goes on: its task would hold a worker, and the stack's end would wait for it."""
        if self._is_running():
            self.stack.api.call("PATCH", f"/dags/{self.dag_id}/dagRuns/{self.run_id}", json={"state": "failed"})

    def _replace(self, task_id: str) -> None:
        """Run what follows a task as if it had succeeded."""
        task = f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{task_id}"
        self.stack.api.call("PATCH", task, json={"new_state": "success"})
        following = {"dry_run": False, "dag_run_id": self.run_id, "task_ids": self._others(task_id)}
        self.stack.api.call("POST", f"/dags/{self.dag_id}/clearTaskInstances", json=following)
        self._await_end()

    def _others(self, task_id: str) -> list[str]:
        found = self.stack.api.task_instances(self.dag_id, self.run_id)
        return [item["task_id"] for item in found if item["task_id"] != task_id]

    def _rows(self) -> list[Row]:
        found = self.stack.api.task_instances(self.dag_id, self.run_id)
        ordered = sorted(found, key=lambda item: (item["start_date"] or "9", item["task_id"]))
        return [self._row(item) for item in ordered if item["task_id"] != "watcher"]

    def _row(self, item: dict[str, Any]) -> Row:
        state, task_id = item["state"] or "none", item["task_id"]
        if state == "success":
            return Row(self.dag_id, task_id, state)
        error = self._error(item)
        known = known_reason(self.dag_id, task_id, error)
        return Row(self.dag_id, task_id, state, known or error, is_new=not known)

    def _error(self, item: dict[str, Any]) -> str:
        if not item["try_number"]:
            return "a task before it did not succeed"
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{item['task_id']}/logs/{item['try_number']}"
        log = self.stack.api.call("GET", path, params={"full_content": "true"})["content"]
        if item["state"] == "failed":
            return last_error(log) or self._scheduler_error(item["task_id"]) or "failed without a word"
        return f"no end within {self.patience_seconds:.0f} s"

    def _scheduler_error(self, task_id: str) -> str:
        """What the scheduler says of a task that it failed without asking the task."""
        name = f"<TaskInstance: {self.dag_id}.{task_id} {self.run_id} "
        log = (self.stack.layout.logs / "scheduler.log").read_text(errors="replace").splitlines()
        return next((AIRFLOW_RACE for line in log if name in line and AIRFLOW_RACE in line), "")


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    cells = [("DAG", "task", "state", "why"), ("---",) * 4]
    cells += [(row.dag_id, row.task_id, row.state, row.why.replace("|", "\\|")) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", metavar="DAG_ID", help="run this one; may be given again")
    parser.add_argument("--patience", type=float, default=180, help="seconds for each DAG")
    parser.add_argument("--logs", type=Path, help="folder to keep all logs in")
    options = parser.parse_args()
    with examples_stack(options.folder, options.logs) as (stack, files):
        dag_ids, rows = parsed(stack, files)
        for dag_id in options.only or dag_ids:
            print(f"running {dag_id}", file=sys.stderr)
            rows += Example(stack, dag_id, options.patience).run()
        print(table(rows), flush=True)
    sys.exit(any(row.is_new for row in rows))


if __name__ == "__main__":
    main()
