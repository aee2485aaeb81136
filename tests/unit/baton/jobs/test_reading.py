"""Job files: what they may say, and that each mistake is named with its line and field."""

from pathlib import Path

import pytest
import yaml

from baton.jobs.reading import read_jobs

GOOD = """\
name: Tidy
cron: 0 6 * * *
steps:
  - action: DELETE FROM sessions WHERE expires_at < now()
    connection: shop
    as: deleted
"""


def read(tmp_path: Path, *texts: str):
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(text)
    return read_jobs([tmp_path])


def changed(**changes: object) -> str:
    """The good job with other fields; None leaves one out."""
    content = {**yaml.safe_load(GOOD), **changes}
    return yaml.safe_dump({key: value for key, value in content.items() if value is not None}, sort_keys=False)


def step(**changes: object) -> str:
    """The good job with another step."""
    return changed(steps=[{key: value for key, value in changes.items() if value is not None}])


QUERY = {"query": "SELECT 1", "connection": "shop"}
CALL = {"call": "GET /items", "connection": "api"}
SEND = {"send": "mail", "text": "hello"}


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (changed(naem="x"), "naem", "do you mean name?"),
        (changed(queue="urgent"), "queue", "'critical', 'default' or 'low'"),
        (changed(name="no spaces"), "name", "no name of a job"),
        (changed(cron="61 * * * *"), "", "cron"),
        (changed(every="30m"), "", "one schedule"),
        (changed(cron=None, every="1.5h"), "every", "no length of time"),
        (changed(cron=None, every="5s"), "", "shortest interval"),
        (changed(cron=None, run_at="2026-01-15T10:00:00"), "run_at", "no time zone"),
        (changed(cron=None, run_at="tomorrow"), "run_at", "no moment"),
        (changed(timezone="Mars/Base"), "timezone", "Mars/Base"),
        (changed(timeout="soon"), "timeout", "no length of time"),
        (changed(retry="often"), "retry", "3 times"),
        (changed(retry="2 times", retry_delays=["1m"]), "", "retry_delays has 1"),
        (changed(retry="1 time with exponential_backoff", retry_delays=["1m"]), "", "leave one out"),
        (changed(concurrency="Maybe"), "concurrency", "Forbid"),
        (changed(on_complete="shout(x)"), "on_complete", "emit(Event)"),
        (changed(input={"day": {"type": "string"}}), "", "give it a default"),
        (changed(steps=[]), "steps", "at least 1"),
        (changed(steps="none"), "steps", "must be a list"),
        (step(qurey="SELECT 1", connection="shop"), "steps[0]", "do you mean query?"),
        (step(**QUERY, max_row=3), "steps[0].max_row", "do you mean max_rows?"),
        (step(**{**QUERY, "connection": None}), "steps[0].connection", "is missing"),
        (step(**{**QUERY, "query": "SELECT {{ day }}"}), "steps[0].query", "never becomes part of SQL"),
        (step(**{**QUERY, "query": "SELECT :day"}), "steps[0].query", ":day has no value"),
        (step(**{**QUERY, "with": {"day": 1}}), "steps[0].query", "no :day stands in the SQL"),
        (step(**QUERY, on_fail="explode"), "steps[0].on_fail", "none of abort, skip, continue"),
        (step(**{**CALL, "call": "FETCH /x"}), "steps[0].call", "pattern"),
        (step(**{**CALL, "call": "GET /{{ x }}"}), "steps[0].call", ""),
        (step(**{**CALL, "call": "GET /items/{sku}"}), "steps[0].call", "{sku} has no value"),
        (step(**CALL, params={"since": "{{ yesterday }}"}), "steps[0].params.since", "yesterday is not known"),
        (step(**CALL, params={"since": "{{ 1 + }}"}), "steps[0].params.since", "is no expression"),
        (step(**CALL, params={"since": "{% include 'x' %}"}), "steps[0].params.since", "reads another file"),
        (step(**CALL, params={"since": "{{ 1 | shell }}"}), "steps[0].params.since", "shell"),
        (step(**SEND, when="{{ true }}"), "steps[0].when", "leave the braces out"),
        (step(**SEND, name="run"), "steps[0].name", "a meaning of its own"),
        (changed(steps=[{**QUERY, "as": "a"}, {**QUERY, "as": "a"}]), "", "two steps are called a"),
    ],
)
def test_each_mistake_is_named_at_its_place(tmp_path, text, path, words):
    """File, line, field and what to do."""
    found = read(tmp_path, text)
    assert not found.jobs
    [problem] = found.problems
    assert (problem.path, problem.file) == (path, str(tmp_path / "0.yaml"))
    assert problem.line >= 1
    assert words in problem.message


def test_line_is_that_of_the_field(tmp_path):
    """An editor jumps there."""
    found = read(tmp_path, GOOD.replace("as: deleted", "as: deleted\n    at_mots: 3"))
    [problem] = found.problems
    assert str(problem) == f"{tmp_path}/0.yaml:7: steps[0].at_mots: is not known here: do you mean at_most?"


def test_bad_document_costs_its_own_job_only(tmp_path):
    """Whatever else stands in its file or folder."""
    good = GOOD.replace("Tidy", "Other")
    found = read(tmp_path, f"{GOOD}---\nname: [\n---\n{good}", GOOD.replace("Tidy", "Third"), "- a list", "{" * 200)
    assert sorted(found.jobs) == ["Other", "Third", "Tidy"]
    assert {Path(problem.file).name for problem in found.problems} == {"0.yaml", "2.yaml", "3.yaml"}


def test_second_job_of_a_name_is_refused(tmp_path):
    """The first one stays."""
    found = read(tmp_path, GOOD, GOOD)
    assert found.jobs["Tidy"].file.name == "0.yaml"
    assert f"at {tmp_path}/0.yaml:1 already" in found.problems[0].message


def test_one_job_can_be_read_alone(tmp_path):
    """A task's process needs no other."""
    found = read_jobs([tmp_path], "Tidy") if read(tmp_path, GOOD, GOOD.replace("Tidy", "Third")) else None
    assert list(found.jobs) == ["Tidy"]
