"""Keys that join in the source without regard to case: said at the export, by name, not at the end of each run."""

from typing import Any

import psycopg
import pytest

CITEXT = "CREATE EXTENSION citext"
COLLATION = "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
TYPES = {
    "citext": ([CITEXT], "citext"),
    "a domain of citext": ([CITEXT, "CREATE DOMAIN code AS citext"], "code"),
    "a collation": ([COLLATION], "text COLLATE anycase"),
}
PSEUDONYM = {"rule": "pseudonym", "domain": "codes"}


def made(chain: Any, before: list[str], kind: str, *values: str) -> None:
    """Make a parent with the codes `abc` and `def`, and a child with some that it references."""
    try:
        chain.execute(chain.source, *before)
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL is built without ICU")
    chain.execute(
        chain.source,
        f"CREATE TABLE parent (code {kind} PRIMARY KEY)",
        f"CREATE TABLE child (id int PRIMARY KEY, code {kind} REFERENCES parent)",
        "INSERT INTO parent VALUES ('abc'), ('def')",
        *(f"INSERT INTO child VALUES ({number}, {value})" for number, value in enumerate(values)),  # noqa: S608
    )


def policies(rule: Any) -> dict[str, Any]:
    """Give both ends the same rule."""
    return {"parent": {"columns": {"code": rule}}, "child": {"columns": {"id": "keep", "code": rule}}}


@pytest.mark.parametrize(("before", "kind"), TYPES.values(), ids=TYPES)
def test_kept_key_that_joins_only_loosely_is_refused_at_the_export(
    file_chain: Any, before: list[str], kind: str
) -> None:
    """As wrong data, before anything is copied; the message names both ends and quotes no value."""
    made(file_chain, before, kind, "'abc'", "'DEF'")
    file_chain.policies = policies("keep")
    outcome = file_chain.run("export", "--run-key", "d")
    assert (outcome.code, "child.code references parent.code without regard to case" in outcome.error) == (65, True)
    assert "DEF" not in outcome.stderr


@pytest.mark.parametrize(("before", "kind"), TYPES.values(), ids=TYPES)
def test_kept_key_that_joins_letter_by_letter_is_taken(file_chain: Any, before: list[str], kind: str) -> None:
    """Nothing is lost then; NULL joins nothing anyway."""
    made(file_chain, before, kind, "'abc'", "NULL")
    file_chain.policies = policies("keep")
    assert file_chain.validate(file_chain.to_warehouse()).code == 0


def test_pseudonyms_of_a_citext_join_in_any_case(file_chain: Any) -> None:
    """They are of its lower case."""
    made(file_chain, [CITEXT], "citext", "'ABC'", "'Def'")
    file_chain.policies = policies(PSEUDONYM)
    assert file_chain.validate(file_chain.to_warehouse()).code == 0


def test_pseudonyms_of_a_loose_collation_do_not(file_chain: Any) -> None:
    """They are of the letters as they are."""
    made(file_chain, [COLLATION], "text COLLATE anycase", "'ABC'")
    file_chain.policies = policies(PSEUDONYM)
    outcome = file_chain.run("export", "--run-key", "d")
    assert (outcome.code, "child.code references parent.code" in outcome.error) == (65, True)


def test_key_that_is_not_kept_may_join_as_it_likes(file_chain: Any) -> None:
    """One end is dropped."""
    made(file_chain, [CITEXT], "citext", "'ABC'")
    file_chain.policies = policies("keep") | {"child": {"columns": {"id": "keep", "code": "drop"}}}
    assert file_chain.run("export", "--run-key", "d").code == 0
