"""CronJobs of the kinds that people write: all become DAGs with their own Job, or are refused with a field."""

from __future__ import annotations

import copy
import shutil
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from baton.cronjobs.dags import cronjob_dags
from baton.cronjobs.loading import load_cronjobs
from baton.cronjobs.run.job_body import TaskRun, job_body

PROJECT = Path(__file__).parents[4]
CORPUS = PROJECT / "tests" / "corpus" / "cronjobs"
EVERYDAY = PROJECT / "include" / "cronjobs" / "examples" / "everyday.yaml.example"
EXPECTED: dict[str, list[dict[str, Any]]] = yaml.safe_load((CORPUS / "expectations.yaml").read_text(encoding="utf-8"))
CONVERTED = [(file, case) for file, cases in EXPECTED.items() for case in cases if "converts" in case]

TICK = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
ADDED_ANNOTATIONS = {"baton.dev/cronjob", "baton.dev/run", "batch.kubernetes.io/cronjob-scheduled-timestamp"}


def outcomes(file: Path) -> list[dict[str, Any]]:
    """What became of the documents of a file, as `expectations.yaml` writes it."""
    found = load_cronjobs([file])
    rows = [(job.manifest.line, {"converts": job.key}) for job in found.cronjobs.values()]
    rows += [(each.line, {"refused": each.name, "field": why[0].path}) for each, why in found.refused]
    rows += [(other.line, {"other": other.name}) for other in found.others]
    told = [problem for _, why in found.refused for problem in why]
    rows += [(each.line or 0, {"unreadable": each.line}) for each in found.problems if each not in told]
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def sent(file: Path, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Job that the task of a CronJob's DAG sends, and the CronJob in the file."""
    task = cronjob_dags(file)[key].get_task("run")
    template = task.source.read()
    body = job_body(template, name="job-1", namespace="jobs", run=TaskRun("run"), tick=TICK, time_zone=None)
    return body, load_cronjobs([file]).cronjobs[key].manifest.content


def without_what_is_added(body: dict[str, Any]) -> dict[str, Any]:
    """The Job but for what docs/cronjobs.md says is added; fails if any of it is not there."""
    metadata = copy.deepcopy(body["metadata"])
    assert (metadata.pop("name"), metadata.pop("namespace")) == ("job-1", "jobs")
    for name in ADDED_ANNOTATIONS:
        del metadata["annotations"][name]
    return {"metadata": {key: value for key, value in metadata.items() if value}, "spec": body["spec"]}


def template_in(cronjob: dict[str, Any]) -> dict[str, Any]:
    """What a Job takes from a CronJob, by the controller's rule: labels, annotations and spec of `jobTemplate`."""
    template = cronjob["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    return {
        "metadata": {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)},
        "spec": template["spec"],
    }


def at(value: Any, path: str) -> Any:
    """A value in a value: `spec.containers.0.image`."""
    return reduce(lambda inner, key: inner[int(key) if isinstance(inner, list) else key], path.split("."), value)


def test_every_file_of_the_corpus_has_expectations():
    """A manifest that nothing is expected of would prove nothing."""
    assert {file.name for file in CORPUS.glob("*.yaml")} - {"expectations.yaml"} == set(EXPECTED)
    assert sum("converts" in case or "refused" in case for cases in EXPECTED.values() for case in cases) >= 60


@pytest.mark.parametrize("file", EXPECTED)
def test_each_converts_or_is_refused_with_a_field(file):
    """Nothing is dropped without a word."""
    expected = [{key: value for key, value in case.items() if key != "holds"} for case in EXPECTED[file]]
    assert outcomes(CORPUS / file) == expected


@pytest.mark.parametrize(("file", "case"), CONVERTED, ids=[case["converts"] for _, case in CONVERTED])
def test_job_equals_the_template_but_for_what_is_added(file, case):
    """What reaches the cluster is what was written."""
    body, cronjob = sent(CORPUS / file, case["converts"])
    assert without_what_is_added(body) == template_in(cronjob)
    for path, value in case.get("holds", {}).items():
        assert at(body["spec"], path) == value


@pytest.mark.parametrize("file", sorted({file for file, _ in CONVERTED} - {"quirks.yaml", "unreadable.yaml"}))
def test_plain_yaml_is_read_as_any_reader_reads_it(file):
    """The importer's own reader changes no value."""
    documents = [each for each in yaml.safe_load_all((CORPUS / file).read_text(encoding="utf-8-sig")) if each]
    plain = [item for each in documents for item in each.get("items", [each])]
    jobs = {(each["metadata"].get("namespace"), each["metadata"].get("name")): each for each in reversed(plain)}
    for cronjob in load_cronjobs([CORPUS / file]).cronjobs.values():
        assert cronjob.manifest.spec == jobs[cronjob.manifest.namespace, cronjob.name]["spec"]


def test_everyday_example_becomes_dags_once_it_is_copied(tmp_path):
    """As it lies there, it is nobody's CronJob."""
    assert EVERYDAY.suffix not in (".yaml", ".yml", ".json")
    file = Path(shutil.copy(EVERYDAY, tmp_path / "everyday.yaml"))
    names = [document["metadata"]["name"] for document in yaml.safe_load_all(EVERYDAY.read_text(encoding="utf-8"))]
    assert outcomes(file) == [{"converts": name} for name in names]
    for name in names:
        body, cronjob = sent(file, name)
        assert without_what_is_added(body) == template_in(cronjob)
