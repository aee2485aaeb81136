"""CronJobs are found in whatever YAML people have, and what is wrong is said with file and line."""

import json
from itertools import pairwise

import pytest
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.manifests.files import read_manifests
from baton.cronjobs.manifests.yaml_documents import read_documents

BOMB = "".join(f"{this}: &{this} [{','.join([f'*{last}'] * 10)}]\n" for last, this in pairwise("abcdefgh"))


def names(found):
    return [manifest.name for manifest in found.manifests]


def problems(found, folder):
    return [str(problem).replace(f"{folder}/", "") for problem in found.problems]


def test_several_documents_and_lists_hold_cronjobs(write):
    """Helm and kustomize print the first, kubectl the second."""
    item = "- " + cronjob("two").replace("\n", "\n  ").strip()
    bare = "- " + cronjob("three").replace("\n", "\n  ").strip().partition("kind: CronJob\n  ")[2]
    folder = write(
        "all.yaml",
        "# Source: chart/templates/a.yaml\n" + cronjob("one"),
        f"apiVersion: v1\nkind: List\nitems:\n{item}\n",
        f"apiVersion: batch/v1\nkind: CronJobList\nitems:\n{bare}\n",
        "\n# nothing here\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n",
    )
    found = read_manifests([folder])
    assert names(found) == ["one", "two", "three"]
    assert [(other.kind, other.name) for other in found.others] == [("Secret", "key")]
    assert problems(found, folder) == []


def test_document_that_is_no_yaml_costs_only_itself(write):
    """The others of its file are read."""
    folder = write("all.yaml", cronjob("one"), "a: [1\nb: 2\n", cronjob("two"))
    found = read_manifests([folder])
    assert names(found) == ["one", "two"]
    assert problems(found, folder) == ["all.yaml:17: did not find expected ',' or ']'"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2\n", "all.yaml:2: key a is given twice"),
        ("- a\n", "all.yaml:1: is no Kubernetes object, which is a mapping"),
        ("apiVersion: v1\n", "all.yaml:1: kind: is missing: every Kubernetes object has apiVersion and kind"),
        ("a: &a [*a]\n", "all.yaml:1: an alias is its own part"),
        ("a: &a [1,1,1,1,1,1,1,1,1,1]\n" + BOMB, "all.yaml:5: aliases within aliases make it too large"),
        ("a: 1\nb: " + "[" * 26_000, "all.yaml:2: it is nested more than 100 levels deep"),
        ("- " * 26_000, "all.yaml:1: it is nested more than 100 levels deep"),
        (
            "kind: CronJob\nmetadata:\n  name: {{ .Values.name }}\n",
            "all.yaml:3: found unhashable key; this looks like a template (Helm's?) that was not filled in: "
            "import what `helm template` prints",
        ),
        (
            "kind: CronJob\nspec:\n  schedule: */5 * * * *\n",
            "all.yaml:3: did not find expected alphabetic or numeric character; "
            "put a value that begins with * in quotes",
        ),
    ],
)
def test_what_is_no_manifest_is_said_with_its_line(write, text, problem):
    """Editors jump there."""
    folder = write("all.yaml", text)
    found = read_manifests([folder])
    assert problems(found, folder) == [problem]


def test_file_that_cannot_be_read_is_a_problem(tmp_path):
    """It hides no other."""
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff\n")
    (tmp_path / "good.yaml").write_text(cronjob())
    found = read_manifests([tmp_path, tmp_path / "none.yaml"])
    assert names(found) == ["export"]
    assert [problem.message for problem in found.problems] == [
        "is not UTF-8 (byte 3)",
        "cannot be read: No such file or directory",
    ]


def test_files_beside_manifests_are_not_taken_for_some(write):
    """A chart's values, a kustomization, settings and chains."""
    for name in (
        "values.yaml",
        "kustomization.yaml",
        "chains.yaml",
        "chains.schema.json",
        "etl.baton.yaml",
        ".hidden.yaml",
        "README.md",
    ):
        folder = write(name, "a: 1\n")
    folder = write("etl.yml", cronjob())
    found = read_manifests([folder])
    assert (found.files, names(found), found.problems) == (1, ["export"], [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("22:22", "22:22"),
        ("0644", 420),
        ("0o644", 420),
        ("0x10", 16),
        ("yes", True),
        ("{1: a, true: b, null: c}", {"1": "a", "true": "b", "null": "c"}),
        ("{on: a, 0x10: b, 1.50: c}", {"true": "a", "16": "b", "1.5": "c"}),
        ("12", 12),
        ("1.5", 1.5),
        ("2.0", 2),
        ("y", True),
        ("N", False),
        ("1e3", 1000),
        ("08", 8),
        ("-.5", -0.5),
        ("190:20:30.15", "190:20:30.15"),
        ("=", "="),
        ("<<", "<<"),
        ("tRue", "tRue"),
        ("1e", "1e"),
    ],
)
def test_scalars_are_read_as_kubernetes_reads_them(text, value):
    """Dates and times of day stay texts, keys are texts, octal numbers are numbers."""
    [document] = read_documents(f"key: {text}\n")
    assert document.content == {"key": value}


@pytest.mark.parametrize("value", ["!!bool maybe", "!!int ''", "!!float x", "!!timestamp x", "!!omap x"])
def test_tag_that_does_not_fit_its_value_costs_only_its_document(write, value):
    """YAML's own reader fails at each in another way."""
    folder = write("all.yaml", f"kind: {value}\n", cronjob())
    found = read_manifests([folder])
    assert names(found) == ["export"]
    assert [problem.line for problem in found.problems] == [1]


def test_json_objects_follow_one_another(write):
    """As `jq` prints them; a character beyond U+FFFF is two escapes, a backslash before one is none."""
    one = json.dumps({"kind": "A", "metadata": {"name": "\N{PARTY POPPER} \\ud83d\\ude00"}})
    folder = write("all.json", f"{one}\n{one[:-1]},\n 'kind': 'B'}}\n".replace("'", '"'))
    [problem] = read_manifests([folder]).problems
    assert (problem.line, problem.message) == (3, "key kind is given twice")
    [document] = read_documents(one)
    assert document.content["metadata"]["name"] == "\N{PARTY POPPER} \\ud83d\\ude00"
    found = read_manifests([write("all.json", f"{one}\n{one}")])
    assert [(other.kind, other.line) for other in found.others] == [("A", 1), ("A", 2)]


def test_byte_order_marks_are_no_content(write):
    """Windows' editors write one; files that were put together have several."""
    assert names(read_manifests([write("all.yaml", "\ufeff" + cronjob("one"), "\ufeff" + cronjob("two"))])) == [
        "one",
        "two",
    ]


def test_merged_keys_have_lines():
    """Anchors and merge keys are common in hand-written manifests."""
    [document] = read_documents("base: &base\n  a: 1\nother:\n  <<: *base\n  b: 2\n")
    assert document.content["other"] == {"a": 1, "b": 2}
    assert (document.line(("other", "a")), document.line(("other", "b"))) == (2, 5)
