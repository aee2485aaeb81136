"""Where templates come from."""

from __future__ import annotations

import json

import pytest

from baton.cronjobs.templates.source import (
    FileSource,
    LiveSource,
    NamedSource,
    SourceError,
    deserialize_source,
    serialize_source,
    template_of,
)

CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 1 * * *"
  timeZone: Europe/Prague
  jobTemplate:
    metadata: {labels: {a: b}, annotations: {since: 2026-01-01}, name: dropped}
    spec: {backoffLimit: 3, unknownField: [1], template: {spec: {containers: [{name: c, image: i}]}}}
"""
JOB = "kind: Job\nmetadata: {name: once, labels: {x: z}}\nspec: {template: {spec: {}}}\n"


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def write_file(text):
        path = tmp_path / "manifests.yaml"
        path.write_text(text)
        return str(path)

    return write_file


def test_a_cron_jobs_template_is_taken_as_it_is_written(write):
    """Fields that no client knows too; a date stays a text; only labels and annotations of its metadata."""
    template = FileSource(write(CRON_JOB), "nightly").read()
    assert (template.name, template.namespace, template.time_zone) == ("nightly", "shop", "Europe/Prague")
    assert template.metadata == {"labels": {"a": "b"}, "annotations": {"since": "2026-01-01"}}
    assert template.spec["unknownField"] == [1]
    assert template.owner is None


@pytest.mark.parametrize(
    "text",
    [
        f"{JOB}---\n# nothing\n---\n{CRON_JOB}",
        "kind: List\nitems:\n- " + CRON_JOB.strip().replace("\n", "\n  "),
        "kind: CronJobList\nitems:\n- " + CRON_JOB.replace("kind: CronJob", "").strip().replace("\n", "\n  "),
        f"kind: Service\nmetadata: {{name: nightly}}\n---\n{CRON_JOB}",
    ],
    ids=["documents", "list", "typed list", "another kind of that name"],
)
def test_it_is_found_among_other_documents(write, text):
    """As kustomize, Helm and kubectl write them."""
    assert FileSource(write(text), "nightly").read().spec["backoffLimit"] == 3


def test_the_namespace_tells_two_of_one_name_apart(write):
    """One file may hold staging and production."""
    text = write(f"{CRON_JOB}---\n{CRON_JOB.replace('shop', 'other').replace('backoffLimit: 3', 'backoffLimit: 4')}")
    assert FileSource(text, "nightly", "other").read().spec["backoffLimit"] == 4
    assert FileSource(text, "nightly").read().spec["backoffLimit"] == 3


def test_a_job_is_its_own_template(write):
    """Its labels are the Job's."""
    template = FileSource(write(JOB), "once").read()
    assert template.metadata == {"labels": {"x": "z"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CRON_JOB.replace("nightly", "other"), "holds no CronJob or Job named 'nightly'"),
        ("a: [", "is no YAML"),
        ("kind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: x}", "spec.jobTemplate.spec is missing"),
        ("kind: Job\nmetadata: {name: nightly}", "spec is missing"),
    ],
)
def test_what_is_not_there_is_named(write, text, message):
    """With the file."""
    path = write(text)
    with pytest.raises(SourceError, match=message) as raised:
        FileSource(path, "nightly").read()
    assert path in str(raised.value)


def test_a_missing_file_is_named():
    """A task's log says what to look for."""
    with pytest.raises(SourceError, match=r"/nowhere/x\.yaml cannot be read: No such file"):
        FileSource("/nowhere/x.yaml", "nightly").read()


def test_a_named_template_needs_no_name_of_its_own(tmp_path, monkeypatch):
    """The file's name is its name."""
    monkeypatch.setenv("BATON_JOB_TEMPLATES", str(tmp_path))
    (tmp_path / "diagnose.yaml").write_text("kind: Job\nspec: {template: {spec: {}}}\n")
    assert NamedSource("diagnose").read().name == "diagnose"
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(SourceError, match=r"empty\.yaml holds no CronJob and no Job"):
        NamedSource("empty").read()


def test_a_cron_job_of_the_cluster_owns_its_jobs():
    """So that the controller counts them, and they go with it."""
    document = {
        "kind": "CronJob",
        "metadata": {"name": "n", "namespace": "s", "uid": "u"},
        "spec": {"jobTemplate": {"spec": {"template": {}}}},
    }
    owner = template_of(document, "", is_live=True).owner
    assert owner == {"apiVersion": "batch/v1", "kind": "CronJob", "name": "n", "uid": "u", "controller": True}


@pytest.mark.parametrize("each", [FileSource("a.yaml", "n", None), LiveSource("n", "s"), NamedSource("n")])
def test_sources_survive_serialisation(each):
    """As plain JSON."""
    assert deserialize_source(json.loads(json.dumps(serialize_source(each)))) == each
