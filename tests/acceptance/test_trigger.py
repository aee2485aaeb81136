"""`./baton trigger`: exactly one run, its reason when it fails, and nothing changed by Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.chain import await_value

from baton_local.layout import PROJECT
from baton_local.stack import Stack

# What is asked of the scheduler here is the same on a slow cluster.
pytestmark = pytest.mark.parametrize("stack", ["calm cluster"], indirect=True)
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(stack: Stack) -> Start:
    """Start `./baton trigger` for that stack."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "include"), "BATON_STATE_DIR": str(stack.layout.state)}

    def run(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "baton_local.cli", "trigger", *words]
        return subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Ignored where the tests run in the background of a shell, and what is ignored is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return run


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output = process.communicate(timeout=240)[0]
    return process.returncode, output


def runs(stack: Stack, dag_id: str) -> list[dict]:
    found: list[dict] = stack.api.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"]
    return found


@pytest.mark.parametrize("dag_id", ["owes_by_words", "owes_by_cron", "owes_by_crons", "owes_by_partition"])
def test_a_run_that_is_owed_is_the_only_one(stack: Stack, start: Start, dag_id: str) -> None:
    """Switching the DAG on starts it; a run by hand beside it would do the work twice."""
    stack.await_dag(dag_id)
    assert finish(start(dag_id, "--wait"))[0] == 0
    stack.api.unpause(dag_id)
    time.sleep(5)  # for a second one, which must not come
    assert [(run["run_type"], run["state"]) for run in runs(stack, dag_id)] == [("scheduled", "success")]
    stack.api.pause(dag_id)


def test_nothing_owed_is_a_run_by_hand(stack: Stack, start: Start) -> None:
    """Each time another one; the DAG is off again afterwards."""
    for _ in range(2):
        assert finish(start("owes_nothing", "--wait"))[0] == 0
    assert [run["run_type"] for run in runs(stack, "owes_nothing")] == ["manual"] * 2
    assert stack.api.is_paused("owes_nothing")


def test_parameters_take_the_place_of_what_is_owed(stack: Stack, start: Start) -> None:
    """A dry run must not start the real one beside it."""
    dag_id = "owes_with_parameters"
    stack.await_dag(dag_id)
    owed = stack.api.call("GET", f"/dags/{dag_id}")["next_dagrun_logical_date"]
    assert finish(start(dag_id, "--conf", '{"seconds": 0.1}', "--wait"))[0] == 0
    stack.api.unpause(dag_id)
    time.sleep(5)
    (run,) = runs(stack, dag_id)
    assert (run["run_type"], run["conf"], run["logical_date"]) == ("manual", {"seconds": 0.1}, owed)
    stack.api.pause(dag_id)


def test_parameters_for_a_partition_that_is_owed_are_refused(stack: Stack, start: Start) -> None:
    """Nothing can take its place; nothing has changed."""
    stack.await_dag("owes_a_partition")
    code, output = finish(start("owes_a_partition", "--conf", '{"seconds": 0.1}', "--wait"))
    assert (code, "takes no --conf" in output) == (1, True)
    assert (runs(stack, "owes_a_partition"), stack.api.is_paused("owes_a_partition")) == ([], True)


def test_a_failure_ends_with_its_reason_and_its_log(start: Start) -> None:
    """Task, try, the exception's own words, and where the whole log lies."""
    code, output = finish(start("fail_when_triggered", "--conf", json.dumps({"fails": True}), "--wait"))
    assert code == 1
    assert "decide, try 1:\n  ValueError: because it was told to <b>fail</b>\n" in output
    (log,) = [line.removeprefix("  The whole log: ") for line in output.splitlines() if "The whole log" in line]
    assert "the line before the end" in Path(log).read_text(encoding="utf-8")


def test_ctrl_c_leaves_the_run_and_its_dag_as_they_were(stack: Stack, start: Start) -> None:
    """Watching ends, the work does not; and it is said."""
    process = start("takes_its_time", "--conf", '{"seconds": 20}', "--wait")
    assert process.stdout
    run_id = process.stdout.readline().strip().rpartition("/")[2]
    await_value(lambda: stack.api.run("takes_its_time", run_id)["state"] == "running", 120)
    process.send_signal(signal.SIGINT)
    code, output = finish(process)
    assert (code, "The run goes on, and takes_its_time, which was off, is on for it" in output) == (130, True)
    assert not stack.api.is_paused("takes_its_time")
    await_value(lambda: stack.api.run("takes_its_time", run_id)["state"] == "success", 120)


def test_a_pod_without_an_image_is_said_at_once(stack: Stack, start: Start) -> None:
    """Not a silent wait: what it lacks, and the file to put it into."""
    process = start("run_no_image", "--wait")
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    try:
        assert any("no runtime for the image" in line and "images.yaml" in line for line in lines)
    finally:
        run_id = runs(stack, "run_no_image")[0]["dag_run_id"]
        stack.api.call("PATCH", f"/dags/run_no_image/dagRuns/{run_id}", json={"state": "failed"})
        process.communicate(timeout=240)
