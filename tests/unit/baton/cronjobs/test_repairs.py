"""`--fix` repairs what needs no guess, where it stands, and touches nothing else."""

import json
from pathlib import Path

import pytest
import yaml
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.fields.checking import check
from baton.cronjobs.importing.command import main
from baton.cronjobs.importing.repairs import repaired
from baton.cronjobs.loading import load_cronjobs
from baton.cronjobs.manifests.yaml_documents import Document, read_documents

CORPUS = Path(__file__).parents[4] / "tests" / "corpus" / "cronjobs"
SNIPPET = """\
# as in many a tutorial
apiVersion: batch/v1beta1
kind: CronJob
metadata:
  name: hello  # a name
spec:
  schedule: */5 * * * *
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: hello
            image: busybox
            args: ['/bin/sh', -c, date]
"""


def lines_changed(old, new):
    """The lines that are only in one of two texts."""
    before, after = old.splitlines(), new.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def test_snippet_of_a_tutorial_becomes_a_dag(tmp_path, capsys):
    """Without restartPolicy, in an old version, its schedule not in quotes; comments stay."""
    (tmp_path / "a.yaml").write_text(SNIPPET)
    assert main([str(tmp_path / "a.yaml")]) == 1
    capsys.readouterr()
    assert main([str(tmp_path / "a.yaml"), "--fix", str(tmp_path / "fixed")]) == 0
    output = capsys.readouterr().out
    copy = (tmp_path / "fixed" / "a.yaml").read_text()
    assert lines_changed(SNIPPET, copy) == (
        ["apiVersion: batch/v1beta1", "  schedule: */5 * * * *"],
        ["apiVersion: batch/v1", '  schedule: "*/5 * * * *"', "          restartPolicy: OnFailure"],
    )
    assert "restartPolicy: OnFailure added, as `kubectl create cronjob` writes it" in output
    assert "+          restartPolicy: OnFailure" in output
    assert "1 CronJob becomes 1 DAG, 0 are refused." in output
    assert list(load_cronjobs([tmp_path / "fixed"]).cronjobs) == ["hello"]
    assert (tmp_path / "a.yaml").read_text() == SNIPPET


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: CronJob", "kind: Cronjob"),
        ('schedule: "0 1 * * *"', 'schedule: "0 1 * * *"\n  timezone: UTC'),
        ('schedule: "0 1 * * *"', 'schedule: "0 1 * * *"\n  suspend: "True"'),
        ('schedule: "0 1 * * *"', 'schedule: "0 1 * * *"\n  concurrencyPolicy: forbid'),
        ('schedule: "0 1 * * *"', 'schedule: "0 1 * * *"\n  successfulJobsHistoryLimit: "3"'),
        ("restartPolicy: Never", "restartPolicy: never"),
        ("name: export", "name: Nightly_Export"),
        ("name: export", f"name: {'a' * 70}"),
        ("image: busybox", "image: busybox\n            imagePullPolicy: always"),
        ("image: busybox", "image: busybox\n            env: [{name: A, value: 08}, {name: B, value: yes}]"),
        ("image: busybox", "image: busybox\n            args:\n            - 1\n            - true"),
        ("name: export", "name: export\n  labels: {build: 12}"),
        ("apiVersion: batch/v1\n", ""),
        ("      template:\n", "      selector: {matchLabels: {a: b}}\n      template:\n"),
        ("      template:\n", "      template:\n        metadata: {labels: {job-name: x, app: y}}\n"),
    ],
)
def test_each_repair_makes_a_manifest_that_kubernetes_takes(old, new):
    """And a second time there is nothing to repair."""
    text = cronjob().replace(old, new, 1)
    [document] = read_documents(text)
    assert check(document.content) or "kind" not in text or document.content["kind"] != "CronJob"
    fixed, repairs = repaired(text, {})
    [document] = read_documents(fixed)
    assert check(document.content) == []
    assert document.content["kind"] == "CronJob"
    assert repairs
    assert repaired(fixed, {}) == (fixed, [])


def test_what_the_server_writes_goes(tmp_path):
    """As `kubectl get -o yaml` prints it, in a List, too."""
    own = (
        "  uid: x\n  managedFields:\n  - manager: kubectl\n    fieldsV1:\n      f:a: {}\n"
        "  annotations:\n    a: b\n    kubectl.kubernetes.io/last-applied-configuration: |\n"
        '      {"a": 1}\n\n  # of ours\n  creationTimestamp: null\n'
    )
    text = cronjob().replace("metadata:\n", f"metadata:\n{own}", 1) + "status:\n  active: []\n"
    fixed, repairs = repaired(text, {})
    [document] = read_documents(fixed)
    assert document.content["metadata"] == {"name": "export", "annotations": {"a": "b"}}
    assert ("status" in document.content, "# of ours" in fixed, len(repairs)) == (False, True, 5)
    indented = text.replace("\n", "\n  ").rstrip()
    fixed, _ = repaired(f"apiVersion: v1\nkind: List\nitems:\n- {indented}\n", {})
    [document] = read_documents(fixed)
    assert document.content["items"][0]["metadata"] == {"name": "export", "annotations": {"a": "b"}}


@pytest.mark.parametrize(
    "place", ["${NS}", "${{NS}}", "<NS>", "__NS__", "@NS@", "#{NS}#", "'{{ NS }}'", "'{{ .Values.NS }}'"]
)
def test_place_is_filled_in_with_what_is_given(place):
    """Everywhere it stands."""
    text = cronjob(image=place.strip("'"), metadata=[f"namespace: {place}"])
    fixed, [repair] = repaired(text, {"NS": "shop"})
    [document] = read_documents(fixed)
    assert document.content["metadata"]["namespace"] == "shop"
    assert "image: shop" in fixed
    assert repair.what == "filled in with 'shop' at 2 places"
    assert repaired(text, {"N": "x"})[1] == []


@pytest.mark.parametrize(
    "text",
    [
        cronjob().replace("restartPolicy: Never", "restartPolicy: Always"),
        cronjob().replace("image: busybox", "command: [true]").replace("[true]", "x y"),
        cronjob(schedule="0 1 * *"),
        cronjob(spec=["concurencyPolicy: Forbid"]),
        "kind: Job\nspec: {template: {spec: {}}}\n",
        "a: [\n",
        json.dumps(yaml.safe_load(cronjob().replace("Never", "never"))),
    ],
)
def test_nothing_is_guessed(text):
    """What may be meant otherwise stays as it is."""
    assert repaired(text, {}) == (text, [])


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.yaml")), ids=lambda file: file.name)
def test_what_is_right_stays_as_it_is(file):
    """Every other document of a file that is repaired has the value that it had, and none becomes unreadable."""
    text = file.read_text(encoding="utf-8-sig")
    fixed, _ = repaired(text, {})
    before, after = list(read_documents(text)), list(read_documents(fixed))
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        if isinstance(old, Document) and isinstance(new, Document) and not _is_wrong(old.content):
            assert _own(old.content) == _own(new.content)
        assert isinstance(new, Document) or not isinstance(old, Document)


def _is_wrong(content):
    return isinstance(content, dict) and (content.get("kind") != "CronJob" or bool(check(content)))


def _own(content):
    """Without what is the server's, and the version."""
    return [content["metadata"].get("name"), _without_times(content["spec"])]


def _without_times(value):
    if isinstance(value, dict):
        return {key: _without_times(inner) for key, inner in value.items() if key != "creationTimestamp"}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def test_copies_do_not_overwrite_one_another_nor_what_is_there(tmp_path, capsys):
    """Two files of one name, and a folder that is not empty."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "job.yaml").write_text(SNIPPET.replace("hello", name))
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--fix", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert main([str(tmp_path / "a"), "--fix", str(tmp_path / "out")]) == 2
    assert "is there already: name an empty folder" in capsys.readouterr().err
    assert main([str(tmp_path / "a"), "--set", "A=b"]) == 2
    assert main([str(tmp_path / "a"), "--fix", str(tmp_path / "new"), "--set", "A"]) == 2
