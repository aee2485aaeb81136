"""Validate compares every value: what was changed, moved, lost or made wrongly is named by dataset and column."""

import re
from typing import Any

import pytest
from tests.workloads.chain import Loaded


def reversed_column(table: str, column: str, key: str = "id") -> str:
    """Give the statement that turns a column round, over all rows."""
    return (
        f"UPDATE {table} SET {column} = turned.v FROM (SELECT a.k, b.v FROM"  # noqa: S608
        f" (SELECT {key} AS k, row_number() OVER (ORDER BY {key}) AS n FROM {table}) a JOIN"
        f" (SELECT {column} AS v, row_number() OVER (ORDER BY {key} DESC) AS n FROM {table}) b USING (n)) turned"
        f" WHERE {table}.{key} = turned.k"
    )


def swapped(table: str, column: str, key: str = "id") -> str:
    """Give the statement that swaps a column's values between two rows in which they differ."""
    pair = (
        f"SELECT a.{key} AS k, b.{column} AS v, b.{key} AS l, a.{column} AS w FROM {table} a JOIN {table} b"  # noqa: S608
        f" ON a.{column} < b.{column} ORDER BY 1, 3 LIMIT 1"
    )
    return (
        f"WITH pair AS ({pair}) UPDATE {table} SET {column} = CASE WHEN {key} = k THEN v ELSE w END FROM pair"  # noqa: S608
        f" WHERE {key} IN (k, l)"
    )


TAMPERED = {
    "a kept amount is another": ("UPDATE people SET score = score + 0.0000000000000001 WHERE code = {one}", "score"),
    "a kept amount has another scale": ("UPDATE people SET score = score * 1.0 WHERE code = {one}", "score"),
    "a kept value is lost": ("UPDATE people SET tags = NULL WHERE code = {one}", "tags"),
    "a kept value is empty instead of missing": ("UPDATE people SET mood = '' WHERE mood IS NULL", "mood"),
    "a document differs": ("UPDATE people SET doc = doc || '{\"n\": 0}' WHERE code = {one}", "doc"),
    "an element is moved": ("UPDATE people SET tags = ARRAY['b c', 'a'] WHERE code = {one}", "tags"),
    **{f"{column} is reversed": (reversed_column("people", column), column) for column in ["score", "doc", "born"]},
    **{f"two of {column} are swapped": (swapped("people", column), column) for column in ["score", "doc", "seen"]},
    "a year is wrong": ("UPDATE people SET born = born + interval '1 year' WHERE code = {one}", "born"),
    "a day is wrong": ("UPDATE people SET seen = seen - interval '1 day' WHERE code = {one}", "seen"),
    "a rounded amount is wrong": ("UPDATE people SET salary = salary + 100 WHERE code = {one}", "salary"),
    "a masked address is another": ("UPDATE people SET email = 'q***@***.org' WHERE code = {one}", "email"),
    "a masked number is another": ("UPDATE people SET phone = '***' WHERE code = {one}", "phone"),
    "two pseudonyms are swapped": (swapped("people", "code"), "code"),
    "two pseudonyms of the key are swapped": (
        "ALTER TABLE people DROP CONSTRAINT people_pkey; " + swapped("people", "id", "code"),
        "id",
    ),
    "references are swapped": (swapped("people", "friend"), "friend"),
    "a type is another": ("ALTER TABLE people ALTER score TYPE double precision", "score"),
}  # fmt: skip


@pytest.mark.parametrize("case", TAMPERED)
def test_a_value_that_is_not_the_snapshots_is_named_by_its_column(loaded: Loaded, case: str) -> None:
    """Whatever was done to one column is reported for that column, and for no other."""
    statement, column = TAMPERED[case]
    some = "(SELECT max(code::text)::uuid FROM people WHERE score > 0 AND born IS NOT NULL)"
    loaded.chain.execute(loaded.chain.warehouse, statement.replace("{one}", some))
    outcome = loaded.chain.validate(loaded.processed)
    assert outcome.code == 65
    assert re.findall(r"(\w+: values of \w+) are", outcome.error) == [f"people: values of {column}"], outcome.error


def test_a_row_that_stands_twice_in_another_ones_place_is_found(file_chain: Any) -> None:
    """Where no key could tell, a lost and a doubled row leave the number of rows as it was."""
    file_chain.execute(
        file_chain.source, "CREATE TABLE notes (a int, b text)",
        "INSERT INTO notes SELECT i, 'note ' || i FROM generate_series(1, 1000) i",
    )  # fmt: skip
    file_chain.policies = {"notes": {"columns": {"a": "keep", "b": "keep"}}}
    processed = file_chain.to_warehouse()
    assert file_chain.validate(processed).code == 0
    file_chain.execute(file_chain.warehouse, "UPDATE notes SET a = 8, b = 'note 8' WHERE a = 7")
    outcome = file_chain.validate(processed)
    assert outcome.code == 65
    assert re.findall(r"notes: values of (\w+) are", outcome.error) == ["a", "b"]


def test_several_changed_columns_are_all_named(loaded: Loaded) -> None:
    """One finding does not hide another."""
    change = "UPDATE people SET score = 0, mood = 'x', salary = 0 WHERE born > '1960-12-31'"
    loaded.chain.execute(loaded.chain.warehouse, change)
    outcome = loaded.chain.validate(loaded.processed)
    assert re.findall(r"values of (\w+) are", outcome.error) == ["mood", "salary", "score"]


def test_long_values_are_compared_to_their_end(file_chain: Any) -> None:
    """Of a long text, document or bytea the last byte counts, though only a digest is read back."""
    file_chain.execute(
        file_chain.source, "CREATE TABLE long (id int PRIMARY KEY, t text, b bytea, d jsonb)",
        "INSERT INTO long SELECT i, repeat('\u00e9x', 600 * i), convert_to(repeat('y', 900 * i), 'UTF8'),"
        " jsonb_build_object('k', repeat('z', 500 * i)) FROM generate_series(1, 40) i",
    )  # fmt: skip
    file_chain.policies = {"long": {"columns": dict.fromkeys(["id", "t", "b", "d"], "keep")}}
    processed = file_chain.to_warehouse()
    assert file_chain.validate(processed).code == 0
    for column, change in {
        "t": "left(t, -1) || 'y'",
        "b": "set_byte(b, length(b) - 1, 0)",
        "d": "jsonb_build_object('k', left(d->>'k', -1) || 'y')",
    }.items():
        file_chain.execute(
            file_chain.warehouse,
            f"CREATE TABLE saved AS TABLE long; UPDATE long SET {column} = {change} WHERE id = 40",  # noqa: S608
        )
        outcome = file_chain.validate(processed)
        assert re.findall(r"values of (\w+) are", outcome.error) == [column]
        file_chain.execute(
            file_chain.warehouse,
            "TRUNCATE long; INSERT INTO long SELECT * FROM saved; DROP TABLE saved",
        )
    assert file_chain.validate(processed).code == 0


def test_a_transform_that_generalises_wrongly_is_found(people: Any, monkeypatch: Any) -> None:
    """The rule is applied to the raw files once more; a processed file is not believed."""
    with monkeypatch.context() as changed:
        changed.setattr(
            "baton_workloads.etl.rules.generalise.GeneraliseDate.expression",
            lambda self, column, name, prepared: f"(date_trunc('{self.to}', {name}) + INTERVAL 1 YEAR)::DATE",
        )
        people.policies["people"]["columns"]["seen"] = "drop"
        raw = people.export()
        processed = {dataset: people.transform(uri) for dataset, uri in raw.items()}
    for uri in processed.values():
        people.load(uri)
    outcome = people.validate(processed)
    assert re.findall(r"(\w+: values of \w+) are", outcome.error) == ["people: values of born"]


def test_a_loader_that_writes_another_number_is_found(file_chain: Any, monkeypatch: Any) -> None:
    """The writer of the load is not believed: what the server holds is read back."""
    file_chain.execute(
        file_chain.source, "CREATE TABLE coins (id int PRIMARY KEY, v numeric(38,18))",
        "INSERT INTO coins VALUES (1, 0.999999999999999999)",
    )  # fmt: skip
    file_chain.policies = {"coins": {"columns": {"id": "keep", "v": "keep"}}}
    processed = file_chain.to_processed()
    monkeypatch.setattr("baton_workloads.etl.warehouses.postgres.binary_values._is_written_exactly", lambda *_: True)
    assert file_chain.load(processed["coins"]) == "loaded"
    outcome = file_chain.validate(processed)
    assert (outcome.code, "coins: values of v are the snapshot's (changed" in outcome.error) == (65, True)


def test_a_number_that_reads_as_another_is_found(file_chain: Any) -> None:
    """NaN is nothing that the engine's numerics hold: it would be read back as 0."""
    file_chain.execute(
        file_chain.source, "CREATE TABLE amounts (id int PRIMARY KEY, v numeric(12,2))",
        "INSERT INTO amounts VALUES (1, 0)",
    )  # fmt: skip
    file_chain.policies = {"amounts": {"columns": {"id": "keep", "v": "keep"}}}
    processed = file_chain.to_warehouse()
    file_chain.execute(file_chain.warehouse, "UPDATE amounts SET v = 'NaN'")
    outcome = file_chain.validate(processed)
    assert (outcome.code, "amounts: v holds what its files can hold (1 rows" in outcome.error) == (65, True)


def test_a_zero_that_lost_its_sign_is_found(file_chain: Any) -> None:
    """Floating point numbers are compared with their sign, which no = tells."""
    file_chain.execute(
        file_chain.source, "CREATE TABLE readings (id int PRIMARY KEY, v float8, w real)",
        "INSERT INTO readings VALUES (1, '-0', 'NaN'), (2, 'NaN', '-0'), (3, '-Infinity', NULL)",
    )  # fmt: skip
    file_chain.policies = {"readings": {"columns": {"id": "keep", "v": "keep", "w": "keep"}}}
    processed = file_chain.to_warehouse()
    assert file_chain.validate(processed).code == 0
    file_chain.execute(file_chain.warehouse, "UPDATE readings SET v = 0 WHERE id = 1")
    outcome = file_chain.validate(processed)
    assert re.findall(r"values of (\w+) are", outcome.error) == ["v"]
