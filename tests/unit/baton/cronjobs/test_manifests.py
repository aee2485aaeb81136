"""CronJobs are found in whatever YAML people have, and what is wrong is said with file and line."""

import json
import shutil
import subprocess
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
            "all.yaml:3: found unhashable key; this looks like a template that was not filled in: "
            "import what the template's program prints: helm template … | ./baton import -",
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


def test_file_of_powershell_says_what_it_is(tmp_path):
    """Its `>` writes UTF-16."""
    (tmp_path / "a.yaml").write_text(cronjob(), encoding="utf-16")
    [problem] = read_manifests([tmp_path]).problems
    assert problem.message == "is not UTF-8 (byte 0): UTF-16, as PowerShell's > writes it; write it as UTF-8"


def test_files_beside_manifests_are_not_taken_for_some(write):
    """A chart's values, settings and chains."""
    for name in (
        "values.yaml",
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
        ("{1: a, true: b, -1: c}", {"1": "a", "true": "b", "-1": "c"}),
        ("{on: a, 0x10: b, 1.50: c}", {"true": "a", "16": "b", "1.5": "c"}),
        (
            "{1e3: a, 1234567.0: b, 1e17: c, 0.1: d, .inf: e}",
            {"1000": "a", "1.234567e+06": "b", "1e+17": "c", "0.1": "d", ".inf": "e"},
        ),
        ("123e4567", "123e4567"),
        ("-1e400", "-1e400"),
        ("1e17", 10**17),
        ("0x1_F", 31),
        ("-_1", -1),
        ("18446744073709551616", 18446744073709552000),
        ("!theirs 12", "12"),
        ("!theirs [1]", [1]),
        ("!!binary aGVsbG8=", "hello"),
        ("!!str 12", "12"),
        ('!!int "12"', 12),
        ("!!timestamp 2024-01-31", "2024-01-31"),
        ("!!omap x", "x"),
        (r'''"it\'s \\ \"it\'s\""''', """it's \\ "it's\""""),
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


@pytest.mark.parametrize(
    "value",
    ["!!bool maybe", "!!int ''", "!!float x", "!!timestamp x", "!!binary %", '"a\\/b"', "{null: 1}", "{[a]: 1}"],
)
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


MERGES = """\
base: &base {a: base, b: base}
more: &more {b: more, c: more}
before: {<<: *base, a: own}
after: {a: own, <<: *base}
between: {a: own, <<: *base, b: own}
listed: {<<: [*base, *more]}
listed after: {a: own, b: own, <<: [*more, *base]}
twice: {<<: *base, x: own, <<: *more}
nested: {<<: &inner {<<: *more, c: inner}, b: own}
again: {<<: *inner, c: own}
quoted: {"<<": text}
in place: {<<: {a: 1}, a: 2}
"""
MERGED = {
    "before": {"a": "own", "b": "base"},
    "after": {"a": "base", "b": "base"},
    "between": {"a": "base", "b": "own"},
    "listed": {"a": "base", "b": "base", "c": "more"},
    "listed after": {"a": "base", "b": "more", "c": "more"},
    "twice": {"a": "base", "b": "more", "c": "more", "x": "own"},
    "nested": {"b": "own", "c": "inner"},
    "again": {"b": "more", "c": "own"},
    "quoted": {"<<": "text"},
    "in place": {"a": 2},
}


@pytest.mark.parametrize("name", MERGED)
def test_merge_key_counts_where_it_stands(name):
    """Keys below it win over what it brings, keys above it lose: kubectl reads them in this order."""
    [document] = read_documents(MERGES)
    assert document.content[name] == MERGED[name]


@pytest.mark.parametrize("value", ["{<<: 1}", "{<<: [1]}", "{<<: null}"])
def test_merge_of_no_mapping_is_refused(write, value):
    """As kubectl refuses it."""
    [problem] = read_manifests([write("all.yaml", f"a: {value}\n")]).problems
    assert "<< needs a mapping" in problem.message


def test_kubectl_reads_the_same(write):
    """The real reader, where it is installed: all that this file takes for granted of merges, numbers and escapes."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl")
    lines = [f"  v{number}: {text}" for number, text in enumerate(READ_BY_KUBECTL)]
    merges = "".join(f"  {line}\n" for line in MERGES.splitlines())
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nspec:\n" + "\n".join(lines) + "\n" + merges
    command = ["kubectl", "label", "--local", "-f", "-", "a=b", "--dry-run=client", "-o", "json"]
    printed = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    [document] = read_documents(text)
    assert document.content["spec"] == json.loads(printed)["spec"]


READ_BY_KUBECTL = [
    *("0x1F 0X1f 0b101 -0b11 0o17 017 08 09.5 1_000 -_1 _1 1__2 1e3 1E-3 1e400 123e4567 1e-400 .5 .5e3 .5e . .. -.5 "
      "99999999999999999999 -9223372036854775808 1e17 1e20 1e21 1. 1.e3 12:30 22:22:22 2024-01-31 y Y yEs no on oFF "
      "+.5 +1 TRUE tRue ~ null nULL = 0777 0o 00 -0 +0 0_ 0x_1 1,000 0.0.0 1e 1e+ 1E+5 infinity nan Inf a:b").split(),
    "!!str 12", '!!int "12"', "!!float 12", "!!bool yes", '!!null ""', "!foo 12", "!<tag:x,2020:y> 5", "!!set {a, b}",
    '"\\x41\\u00e9\\U0001F600\\e\\0\\N"', "'it''s'", '"12"', "12 # c", "{a: 1,}", '{"a":1}', "{a:1}", "[a: 1, b: 2]",
    '"it\\\'s"', "{0.1: a, 1234567.0: b, 0x10: c, on: d, 1e3: e}",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["\\\'a", "b\\\'", c]', ["'a", "b'", "c"]),
        ("""['\\', "\\'", 'it''s', \\']""", ["\\", "'", "it's", "\\'"]),
        ("\"a\\\n  \\'b\\'\"", "a'b'"),
        ("|\n  echo \\'a\\'\n", "echo \\'a\\'\n"),
    ],
)
def test_apostrophe_with_a_backslash_is_one_only_in_double_quotes(text, value):
    """Elsewhere both are what they are."""
    [document] = read_documents(f'key: {text}\nlast: "\\\'"\n')
    assert document.content == {"key": value, "last": "'"}
    assert document.line(("last",)) == 2 + text.count("\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: CronJob\nmetadata:\n\tname: x\n", "a tab, where YAML takes blanks only"),
        ("kind: CronJob\nspec:\n  schedule: @daily\n", "put a value that begins with @ in quotes"),
        ("kind: CronJob\nspec:\n  note: `a`\n", "put a value that begins with ` in quotes"),
        ("kind: CronJob\nspec:\n  - %a\n", "put a value that begins with % in quotes"),
        ("kind: CronJob\nspec:\n  note: at: once\n", "put a value with a colon and a blank in quotes"),
    ],
)
def test_what_yaml_says_little_about_is_explained(write, text, message):
    """Whoever meets it has not learnt YAML's grammar."""
    [problem] = read_manifests([write("all.yaml", text)]).problems
    assert (problem.line, problem.message.endswith(message)) == (3, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("apiVersion: batch/v1\nkind: Cronjob\n", "all.yaml:2: kind: must be CronJob, is 'Cronjob'"),
        ("kind: cron-jobs\n", "all.yaml:1: kind: must be CronJob, is 'cron-jobs'"),
        ("apiVersion: batch/v1\nkind: CornJob\n", "all.yaml:2: kind: must be CronJob, is 'CornJob'"),
        (
            "apiVersion: batch/v1\nkind: Pod\n",
            "all.yaml:2: kind: is 'Pod': Kubernetes knows Job and CronJob in batch/v1",
        ),
    ],
)
def test_kind_that_was_meant_is_said(write, text, problem):
    """Left alone, it would be missed at night."""
    folder = write("all.yaml", text)
    assert [each[: len(problem)] for each in problems(read_manifests([folder]), folder)] == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "kind: CronTab\n",
        "apiVersion: apps.kruise.io/v1alpha1\nkind: AdvancedCronJob\n",
        "apiVersion: x.io/v1\nkind: CronJob\n",
    ],
)
def test_kinds_of_others_are_left_alone(write, text):
    """They have controllers of their own."""
    found = read_manifests([write("all.yaml", text)])
    assert (len(found.others), found.problems, found.manifests) == (1, [], [])


def test_halves_of_characters_in_json_do_not_end_the_report(write):
    """No text can hold one, so nothing could print it."""
    text = cronjob("one").replace("busybox", "BUSYBOX")
    manifest = json.dumps(next(iter(read_documents(text))).content).replace("BUSYBOX", "\\ud83d")
    [found] = read_manifests([write("all.json", manifest)]).manifests
    found.content["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"].encode()
    assert found.line_of(("spec", "schedule")) == 1
