"""What holds for every DAG."""

import json
import re
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.pool import Pool
from airflow.serialization.serialized_objects import DagSerialization
from tests.dag_ids import CRONJOB_DAG_IDS, DAG_IDS, JOB_DAG_IDS

from baton.dag_docs import render
from baton.defaults import default_args
from baton.doc_sections import HEADINGS, headings, section
from baton.pools import POOLS

PROJECT = Path(__file__).parents[2]
TAGS = re.compile(
    r"area/(etl|maintenance|backups|reports|functions|incidents|delivery|events|security|jobs)|tier/[123]"
)


@pytest.fixture(params=DAG_IDS)
def dag(request, dag_bag):
    """A DAG that is written down as one."""
    return dag_bag.dags[request.param]


@pytest.fixture(params=DAG_IDS + CRONJOB_DAG_IDS + JOB_DAG_IDS)
def any_dag(request, dag_bag):
    """Any DAG, also one that is made of a CronJob's manifest or of a job file."""
    return dag_bag.dags[request.param]


def test_exactly_these_dags_are_found(dag_bag):
    """An empty folder, or a file that hides its DAG, does not pass."""
    assert sorted(dag_bag.dags) == sorted(DAG_IDS + CRONJOB_DAG_IDS + JOB_DAG_IDS)


def test_id_is_the_files_name(dag):
    """Whoever sees a DAG finds its file."""
    assert Path(dag.fileloc).stem == dag.dag_id


def test_file_is_only_wiring(dag):
    """At most 80 lines beside the documentation."""
    text = Path(dag.fileloc).read_text(encoding="utf-8")
    lines = text.split('"""', 2)[2].strip().splitlines()
    assert len(lines) <= 80


def test_documentation_has_its_headings_and_says_something(any_dag):
    """The mail about a failure quotes it."""
    assert headings(any_dag.doc_md) == HEADINGS
    assert all(section(any_dag.doc_md, heading) for heading in HEADINGS)


def test_tags_come_from_the_closed_set(any_dag):
    """One area and one tier; what comes from a manifest is marked as such."""
    tags = {tag for tag in any_dag.tags if tag not in ("cronjob", "job") and not tag.startswith("queue/")}
    assert ("cronjob" in any_dag.tags) == (any_dag.dag_id in CRONJOB_DAG_IDS)
    assert ("job" in any_dag.tags) == (any_dag.dag_id in JOB_DAG_IDS)
    assert all(TAGS.fullmatch(tag) for tag in tags)
    assert sorted(tag.split("/")[0] for tag in tags) == ["area", "tier"]


def test_defaults_are_the_projects(dag):
    """A DAG states only its differences."""
    assert dag.default_args.keys() >= default_args().keys()
    for task in dag.tasks:
        assert task.owner == default_args()["owner"]
        assert task.execution_timeout or task.response_timeout  # the latter: a task that waits for a person
        assert task.retry_policy


def test_old_runs_are_not_made_up_for(any_dag):
    """catchup is a decision, not an accident."""
    assert any_dag.catchup is False


def test_pools_are_declared(any_dag):
    """A task that names an unknown pool would wait for ever."""
    known = {Pool.DEFAULT_POOL_NAME, *(pool.name for pool in POOLS)}
    assert {task.pool for task in any_dag.tasks} <= known


def test_zone_of_the_schedule_is_the_dags_zone(dag):
    """Else the run key of a scheduled and of a triggered run would name different days."""
    zone = getattr(dag.timetable, "timezone", None)
    assert zone is None or str(zone) == str(dag.timezone)


def test_serialisation_keeps_the_dag(any_dag):
    """The scheduler works on what was serialised, and that passes through JSON."""
    again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(any_dag))))
    assert {task.task_id: (task.pool, task.downstream_task_ids) for task in again.tasks} == {
        task.task_id: (task.pool, task.downstream_task_ids) for task in any_dag.tasks
    }


def test_parsing_again_gives_the_same_dag(any_dag):
    """Else each look of the DAG processor would make a new version of the DAG."""
    again = DagBag(dag_folder=any_dag.fileloc).dags[any_dag.dag_id]
    assert DagSerialization.to_dict(again) == DagSerialization.to_dict(any_dag)


def test_dags_md_is_what_the_dags_say(dag_bag):
    """`python -m baton.dag_docs` was run."""
    assert (PROJECT / "DAGS.md").read_text(encoding="utf-8") == render(dag_bag.dags.values())
