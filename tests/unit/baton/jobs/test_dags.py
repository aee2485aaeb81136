"""Jobs become DAGs: which steps make which task, what follows when it ends, and that one costs no other."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.serialization.serialized_objects import DagSerialization

from baton.exceptions import PermanentError
from baton.jobs.dags import RefusedJobsError, dag_of, job_dags, report_refused
from baton.jobs.reading import read_jobs
from baton.jobs.run.elsewhere import _word
from baton.jobs.run.execution import LaterError
from baton.jobs.run.operator import WaitAsTheJobSays, WaitInTurn
from baton.jobs.timetable import EveryTimetable, OnceTimetable

EVERY_KIND = """\
name: EveryKind
description: One of each.
every: 30m
queue: low
retry: 2 times
retry_delays: [1m, 2h]
steps:
  - query: SELECT 1 AS n
    connection: shop
    as: rows
  - for_each: rows
    parallel: 3
    do: {call: "POST /x/{n}", connection: api, path: {n: "{{ item.n }}"}, repeatable: true}
  - function: process
    payload: {rows: "{{ rows }}"}
    as: answer
  - workload: [etl, export, --run-key, "{{ run.day }}"]
    secrets: [baton-export]
    name: export
    on_fail: continue
  - job: restart
    name: restart_it
  - report: daily_sales
    as: sales
  - deliver: sales
    name: tell
  - action: DELETE FROM sessions WHERE expires_at < now()
    connection: shop
  - send: mail
    text: "{{ answer }} {{ rows | length }}"
on_complete: [emit(Done), "notify(slack:#jobs)"]
on_fail: [emit(Broken), notify(mail)]
"""


def made(tmp_path: Path, text: str):
    (tmp_path / "job.yaml").write_text(text)
    read = read_jobs([tmp_path])
    assert not read.problems, read.problems
    return dag_of(next(iter(read.jobs.values())))


def test_consecutive_steps_make_one_task(tmp_path):
    """What starts something elsewhere is a task of its own, in the order of the file."""
    dag = made(tmp_path, EVERY_KIND)
    chain = ["run_steps_1", "answer", "export", "restart_it", "sales", "tell", "run_steps_2", "all_succeeded"]
    for before, after in itertools.pairwise(chain):
        assert after in dag.task_dict[before].downstream_task_ids
    assert dag.task_dict["run_steps_1"].steps == ["rows", "for_each_2"]
    assert {task.queue for task in dag.tasks} == {"low"}
    assert dag.task_dict["export"].pool == "pods"


def test_what_is_told_is_an_event(tmp_path):
    """Of the last task; of a failure by a task of its own, which does not hide it."""
    dag = made(tmp_path, EVERY_KIND)
    assert [asset.name for asset in dag.task_dict["run_steps_2"].outlets] == ["Done"]
    told = dag.task_dict["tell_failure"]
    assert ([asset.name for asset in told.outlets], told.trigger_rule) == (["Broken"], "one_failed")
    assert sorted(task.task_id for task in dag.leaves) == ["all_succeeded", "tell_failure"]


def test_stored_dag_knows_the_job(tmp_path):
    """Pages and the API have no file."""
    dag = made(tmp_path, EVERY_KIND)
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    note = json.loads(stored.task_dict["run_steps_1"].doc_json)
    assert note["job"]["every"] == "30m"
    assert note["job"]["on_complete"] == ["emit(Done)", "notify(slack:#jobs)"]
    assert note["steps"][-1] == "send_9"
    assert isinstance(stored.timetable, EveryTimetable)


def test_bad_file_is_an_import_error_and_costs_no_other(tmp_path):
    """The error has a line for each problem."""
    (tmp_path / "good.yaml").write_text(EVERY_KIND)
    (tmp_path / "bad.yaml").write_text("name: Bad\nsteps: 3\n")
    assert list(job_dags(tmp_path)) == ["EveryKind"]
    with pytest.raises(RefusedJobsError, match=r"bad\.yaml:2: steps: must be a list"):
        report_refused(tmp_path)


@pytest.mark.parametrize("word", ["{{ '--purge' }}", "{{ '-' ~ 'x' }}"])
def test_value_never_becomes_an_option(word):
    """A pod's program would obey."""
    with pytest.raises(PermanentError, match="option"):
        _word(word, {})
    assert _word("--day={{ '-x' }}", {}) == "--day=-x"


def test_waits_are_those_of_the_job():
    """Airflow's own tries wait as the file says; what is permanent fails."""
    policy = WaitInTurn((60.0, 7200.0), doubles=False)
    assert [policy.evaluate(OSError(), n, 9).retry_delay for n in (1, 2, 3)] == [
        timedelta(minutes=1), timedelta(hours=2), timedelta(hours=2),
    ]  # fmt: skip
    assert policy.evaluate(PermanentError(), 1, 9).action.value == "fail"
    assert WaitInTurn((0.1,), doubles=True).evaluate(OSError(), 3, 9).retry_delay == timedelta(seconds=0.4)
    assert WaitAsTheJobSays().evaluate(AirflowTaskTimeout(), 1, 9).action.value == "fail"
    assert WaitAsTheJobSays().evaluate(LaterError("x", 60), 1, 9).retry_delay == timedelta(minutes=1)


def test_input_becomes_params(tmp_path):
    """With its defaults and its schema."""
    content = yaml.safe_load(EVERY_KIND) | {
        "input": {"day": {"type": "string", "format": "date", "default": "2026-01-01"}}
    }
    dag = made(tmp_path, yaml.safe_dump(content))
    assert dag.params["day"] == "2026-01-01"
    assert dag.params.get_param("day").schema == {"type": "string", "format": "date"}


def test_moment_runs_once():
    """Late by less than its deadline; never a second time."""
    soon = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    once = OnceTimetable(soon)
    again = OnceTimetable.deserialize(json.loads(json.dumps(once.serialize())))
    info = again.next_dagrun_info(last_automated_data_interval=None, restriction=None)
    assert info.run_after == soon
    assert again.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=None) is None
    assert OnceTimetable(soon, 60).next_dagrun_info(last_automated_data_interval=None, restriction=None) is None
