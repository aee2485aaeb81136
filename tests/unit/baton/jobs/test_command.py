"""`./baton jobs`: what is printed, the exit codes, and the published schema."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.dag_ids import JOB_DAG_IDS
from tests.unit.baton.jobs.test_dags import EVERY_KIND

from baton.jobs.command import main
from baton.jobs.reading import read_jobs
from baton.jobs.schema import schema_text

INCLUDE = Path(__file__).parents[4] / "include"
JOBS = INCLUDE / "jobs"
OWN = {file.stem for file in JOBS.glob("*.yaml")}
EXAMPLES = sorted((JOBS / "examples").glob("*.yaml"))


def test_files_that_are_well_say_so(capsys):
    """Those of this repository."""
    assert main(["check", str(JOBS)]) == 0
    assert capsys.readouterr().out == f"{len(JOB_DAG_IDS)} jobs are well.\n"
    assert main(["check", *map(str, EXAMPLES)]) == 0


def test_each_mistake_is_a_line(tmp_path, capsys):
    """Exit code 1 for what is wrong, 2 for what is not there."""
    (tmp_path / "a.yaml").write_text("name: A\nsteps: [{qery: x}]\n")
    assert main(["check", str(tmp_path)]) == 1
    assert (
        f"{tmp_path}/a.yaml:2: steps[0]: has no kind: qery is not known: do you mean query?" in capsys.readouterr().err
    )
    assert main(["check", str(tmp_path / "none")]) == 2


def test_list_is_for_programs_too(capsys):
    """Name, schedule, queue, next."""
    assert main(["list", "--json", str(JOBS)]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert sorted(rows) == sorted(JOB_DAG_IDS)
    assert rows["ProcessPendingWebhooks"]["queue"] == "critical"
    assert rows["ProcessPendingWebhooks"]["next"].endswith(":00+00:00")


def test_explain_says_tasks_and_times(capsys):
    """And one that is not there ends with 1."""
    assert main(["explain", "CleanupJobExecutions", str(JOBS)]) == 0
    out = capsys.readouterr().out
    assert "task run_steps:" in out
    assert out.count("next: ") == 5
    assert main(["explain", "Nothing", str(JOBS)]) == 1


def test_run_needs_an_airflow(monkeypatch, capsys):
    """Exit code 2."""
    monkeypatch.delenv("BATON_AIRFLOW_URL", raising=False)
    assert main(["run", "X"]) == 2
    assert main(["run", "X", "--url", "http://127.0.0.1:9", "--user", "a", "--input", "[]"]) == 2


def test_published_schema_is_the_models():
    """`./baton jobs schema` was run."""
    assert (JOBS / "job.schema.json").read_text() == schema_text()


def test_schema_takes_what_is_read_and_refuses_unknown_keys():
    """An editor says the same."""
    schema = Draft202012Validator(json.loads(schema_text()))
    texts = [EVERY_KIND, *(file.read_text() for file in [*JOBS.glob("*.yaml"), *EXAMPLES])]
    for text in texts:
        content = yaml.safe_load(text.replace("{n:", '{"n":'))
        assert list(schema.iter_errors(content)) == []
        assert list(schema.iter_errors({**content, "naem": 1}))


def test_the_shops_ten_jobs_are_files_of_forty_lines():
    """Each is read, and is the job that it is called after."""
    files = [*JOBS.glob("*.yaml"), *EXAMPLES]
    assert len(files) == 10
    for file in files:
        assert len(file.read_text().splitlines()) <= 40
        assert list(read_jobs([file]).jobs) == [file.stem]


@pytest.mark.parametrize("dag_id", JOB_DAG_IDS)
def test_examples_are_not_read_unless_they_are_named(dag_id):
    """They do what a DAG does already."""
    assert dag_id in OWN
    assert sorted(read_jobs([JOBS]).jobs) == sorted(OWN) == JOB_DAG_IDS
