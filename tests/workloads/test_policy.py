"""Policies fail closed, and their errors say where."""

import base64
import json
import zlib
from pathlib import Path

import pytest

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.policy import PACKED, load
from baton_workloads.etl.pseudonym import secret_key

SHIPPED = Path(__file__).parents[2] / "include" / "etl" / "policies"


def columns(**types: str) -> list[Column]:
    """Give columns by name and type."""
    return [Column(name=name, type=kind, udt=kind, carrier="native") for name, kind in types.items()]


def write(folder: Path, text: str, name: str = "things") -> str:
    """Write a policy file."""
    (folder / f"{name}.yaml").write_text(text)
    return str(folder)


def test_a_policy_that_names_every_column_passes(tmp_path: Path) -> None:
    """Short and long forms mean the same."""
    policy = load(write(tmp_path, "columns:\n  a: keep\n  b: {rule: drop}\n"))["things"]
    policy.check(columns(a="int4", b="text"))
    assert (policy.source, policy.target) == ("public.things", "public.things")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns: {a: keep}", "column b has no rule"),
        ("columns: {a: keep, b: drop, c: drop}", "column c does not exist"),
        ("columns: {a: mask_email, b: drop}", "column a: mask_email does not fit"),
    ],
)
def test_a_policy_that_does_not_match_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    """The message names dataset and column."""
    policy = load(write(tmp_path, text))["things"]
    with pytest.raises(DataError, match=f"things.*{message}"):
        policy.check(columns(a="int4", b="text"))


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """One after the other, in one message."""
    policy = load(write(tmp_path, "columns: {a: mask_email, c: drop}"))["things"]
    with pytest.raises(DataError) as refused:
        policy.check(columns(a="int4", b="text"))
    said = str(refused.value)
    assert said.startswith(
        "policy of dataset things: column b has no rule (new in the source?); column c does not exist"
    )
    assert "; column a: mask_email does not fit: " in said
    assert said.endswith("; correct the policy file")


def test_only_what_is_kept_may_hold_originals(tmp_path: Path) -> None:
    """A column that is hidden, or that nobody knows, is refused by name."""
    policy = load(write(tmp_path, "may_hold_originals: [a]\ncolumns: {a: keep, b: drop}"))["things"]
    policy.check(columns(a="text", b="text"))
    policy = load(write(tmp_path, "may_hold_originals: [b, x]\ncolumns: {a: keep, b: drop}"))["things"]
    with pytest.raises(DataError) as refused:
        policy.check(columns(a="text", b="text"))
    for name in "bx":
        assert f"column {name} stands under may_hold_originals, but is not kept" in str(refused.value)


@pytest.mark.parametrize(("rule", "collides"), [("keep", True), ("{rule: fixed, value: x}", True), ("drop", False)])
def test_two_columns_may_not_become_one(tmp_path: Path, rule: str, collides: bool) -> None:
    """In raw files or in processed ones, for an engine that tells no case; what is dropped is in neither."""
    policy = load(write(tmp_path, f"columns: {{Name: keep, name: {rule}}}"))["things"]
    if collides:
        with pytest.raises(DataError, match=r"(?i)name"):
            policy.check(columns(Name="text", name="text"))
    else:
        policy.check(columns(Name="text", name="text"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns:\n  a: keep\n  b: kep\n", r"things.yaml:3: columns.b.*kep"),
        (
            "columns:\n  a: mask_mail\n",
            r"things.yaml:2: columns.a: .*no rule 'mask_mail'; did you mean mask_email\?",
        ),
        ("columns:\n  a: {rule: Pseudonim, domain: x}\n", r"things.yaml:2: .*did you mean pseudonym\?"),
        (
            "columns:\n  a: {rule: zzz}\n",
            r"things.yaml:2: .*no rule 'zzz'; there are drop, fixed, .*pseudonym",
        ),
        ("columns:\n  a: {rule: pseudonym}\n", r"things.yaml:2: columns.a.pseudonym.domain: Field required"),
        ("columns:\n  a:\n    rule: generalise_date\n    to: week\n", r"things.yaml:4: .*to"),
        ("columns:\n  a: keep\n  a: drop\n", r"things.yaml:3: key a is given twice"),
        ("columns:\n  a: keep\n   b: drop\n", r"things.yaml:3: "),
        ("columns:\n  a: null\n", r'things.yaml:2: .*write "null" in quotes'),
        ("columns: {}\n", r"things.yaml:1: columns"),
        ("source: things\ncolumns: {a: keep}\n", r"things.yaml:1: source"),
        ("colums: {a: keep}\n", r"things.yaml:1: colums"),
        ("- a\n", r"things.yaml: a policy is a mapping"),
    ],
)
def test_a_wrong_file_is_pointed_at_by_line(tmp_path: Path, text: str, message: str) -> None:
    """An error names file, line and key."""
    with pytest.raises(DataError, match=message):
        load(write(tmp_path, text))


def test_no_policy_is_a_wrong_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, a missing file and an empty environment are told apart from a wrong policy."""
    monkeypatch.delenv("BATON_POLICIES", raising=False)
    for place in (str(tmp_path), str(tmp_path / "missing.yaml"), None):
        with pytest.raises(ConfigurationError):
            load(place)


def test_the_environment_and_a_file_mean_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy's digest does not depend on how it arrived."""
    text = "columns:\n  born: {rule: fixed, value: 2020-01-01}\n  a: keep # why\n"
    monkeypatch.setenv(
        "BATON_POLICIES",
        json.dumps({"things": {"columns": {"a": "keep", "born": {"rule": "fixed", "value": "2020-01-01"}}}}),
    )
    assert load(write(tmp_path, text))["things"].digest == load(None)["things"].digest


POLICIES = json.dumps({"things": {"columns": {"a": "keep"}}})
PACKED_POLICIES = PACKED + base64.b64encode(zlib.compress(POLICIES.encode())).decode()


def test_a_packed_variable_means_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many policies are too long for an environment."""
    monkeypatch.setenv("BATON_POLICIES", POLICIES)
    plain = load(None)
    monkeypatch.setenv("BATON_POLICIES", PACKED_POLICIES)
    assert load(None) == plain


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "^no policies: set BATON_POLICIES or give --policies$"),
        ("{", "^BATON_POLICIES is no JSON$"),
        (PACKED_POLICIES[:-9], "^BATON_POLICIES is no JSON$"),
        (PACKED_POLICIES[:-9] + "!" + PACKED_POLICIES[-9:], "^BATON_POLICIES is no JSON$"),
        ("[1]", "^BATON_POLICIES is no JSON object of policies by dataset$"),
        ("{}", "^BATON_POLICIES is no JSON object of policies by dataset$"),
    ],
)
def test_a_variable_that_holds_none_is_said(monkeypatch: pytest.MonkeyPatch, content: str, message: str) -> None:
    """What it is instead."""
    monkeypatch.setenv("BATON_POLICIES", content)
    with pytest.raises(ConfigurationError, match=message):
        load(None)


def test_a_wrong_variable_is_pointed_at_by_dataset_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no lines; all its mistakes are told."""
    monkeypatch.setenv("BATON_POLICIES", json.dumps({"things": {"columns": {"a": "kep"}, "x": 1}}))
    with pytest.raises(DataError) as refused:
        load(None)
    first, _, second = str(refused.value).partition("; BATON_POLICIES: things: ")
    assert first.startswith("BATON_POLICIES: things: columns.a: ")
    assert second.startswith("x: ")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("zz" * 32, "^BATON_PSEUDONYM_KEY is not hex; make one with: openssl rand -hex 32$"),
        ("0f" * 31, "^BATON_PSEUDONYM_KEY is shorter than 32 bytes; make one with: openssl rand -hex 32$"),
    ],
)
def test_a_weak_key_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, key: str, message: str) -> None:
    """With the command that makes a good one."""
    monkeypatch.setenv("BATON_PSEUDONYM_KEY", key)
    with pytest.raises(ConfigurationError, match=message):
        secret_key()
    monkeypatch.setenv("BATON_PSEUDONYM_KEY", "0f" * 32)
    assert secret_key() == b"\x0f" * 32


def test_the_shipped_policies_are_valid() -> None:
    """Every policy of this project can be read."""
    assert {"customers", "order_items", "orders", "payments", "products"} <= set(load(str(SHIPPED)))


@pytest.mark.parametrize(
    "text", ["[" * 26_000, "- " * 26_000, "columns: &a [*a]", "columns: &a {b: *a}", "a: !!int x", "a: !!timestamp x"]
)
def test_a_text_that_no_reader_survives_is_refused(tmp_path: Path, text: str) -> None:
    """As any other policy that is wrong, with its file's name."""
    with pytest.raises(DataError, match="things"):
        load(write(tmp_path, text))
