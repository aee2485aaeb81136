"""Policies fail closed, and their errors say where."""

import json
from pathlib import Path

import pytest

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.policy import load

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
