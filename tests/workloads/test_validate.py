"""Validate finds what is wrong in the warehouse, by dataset and column, without showing a value."""

from typing import Any

import pytest
from tests.workloads.chain import Loaded

CHANGES = {
    "a row is missing": ("DELETE FROM visits WHERE number = 7", "visits: warehouse rows 1999"),
    "a row is doubled": (
        "ALTER TABLE visits DROP CONSTRAINT visits_pkey; INSERT INTO visits SELECT * FROM visits WHERE number = 7;"
        " DELETE FROM visits WHERE number = 8",
        r"visits: key \(person, number\) is unique",
    ),
    "a join is torn": (
        "UPDATE visits SET person = gen_random_uuid() WHERE number = 7",
        r"visits: \(person\) joins people \(id\) \(1 rows",
    ),
    "an address is not masked": (
        "UPDATE people SET email = 'x@example.com' WHERE born IS NULL",
        "people: email obeys mask_email",
    ),
    "a number is not masked": (
        "UPDATE people SET phone = '+49 151 1000001' WHERE born IS NULL",
        "people: phone obeys mask_phone",
    ),
    "a null column has a value": ("UPDATE people SET name = 'x' WHERE born IS NULL", "people: name obeys null"),
    "a date is exact": (
        "UPDATE people SET born = '1990-05-05' WHERE born IS NULL",
        "people: born obeys generalise_date",
    ),
    "a time is exact": ("UPDATE people SET seen = now() WHERE born IS NULL", "people: seen obeys generalise_date"),
    "an amount is exact": (
        "UPDATE people SET salary = 101 WHERE born IS NULL",
        "people: salary obeys generalise_number",
    ),
    "a column is too many": ("ALTER TABLE people ADD passport text", "people: columns are the policy's"),
    "an original stands behind a pseudonym": (
        "UPDATE people SET code = md5('17')::uuid WHERE born IS NULL",
        r"people: no original of code is left \(1 rows",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_is_wrong_in_the_warehouse_is_found(loaded: Loaded, case: str) -> None:
    """Each kind of damage is named by dataset and column."""
    statement, message = CHANGES[case]
    loaded.chain.execute(loaded.chain.warehouse, statement)
    outcome = loaded.chain.validate(loaded.processed)
    assert outcome.code == 65
    assert pytest.raises(AssertionError, match=message).matches(AssertionError(outcome.error)), outcome.error


def test_originals_that_look_masked_hide_nothing(people: Any) -> None:
    """A source that holds ``***`` already does not fail the anti-join."""
    people.execute(people.source, "UPDATE people SET email = '***', phone = '***12' WHERE id = 3")
    assert people.validate(people.to_warehouse()).code == 0


def test_manifests_of_different_runs_are_not_mixed(loaded: Loaded) -> None:
    """One snapshot, or the counts and joins mean nothing."""
    assert [loaded.chain.load(uri) for uri in loaded.following.values()] == ["loaded"] * 3
    mixed = {"people": loaded.processed["people"], "visits": loaded.following["visits"]}
    outcome = loaded.chain.validate(mixed)
    assert (outcome.code, "run the chain again" in outcome.error) == (65, True), outcome.error


def test_another_policy_than_the_one_that_was_applied_is_noticed(loaded: Loaded) -> None:
    """What was loaded is checked by the policy that made it, or not at all."""
    loaded.chain.policies["people"]["columns"]["salary"] = {"rule": "generalise_number", "step": 50}
    outcome = loaded.chain.validate(loaded.processed)
    assert (outcome.code, "another policy" in outcome.error) == (65, True)


def test_a_run_that_was_not_loaded_is_not_valid(people: Any) -> None:
    """Validate before load says what to do."""
    outcome = people.validate(people.to_processed())
    assert outcome.code == 65
    assert "run its load" in outcome.error
