"""Whoever sees files or tables without the key cannot tell which row was which by where it lies."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from baton_workloads.etl.pseudonym import domain_key, pseudonym

ROWS = 10_000
TABLE = f"""
CREATE TABLE people (id bigint PRIMARY KEY, born date NOT NULL, name text, joined timestamp NOT NULL);
INSERT INTO people SELECT i, date '1960-01-01' + i % 9999, 'Name ' || i, timestamp '2026-01-01' + i * interval '1 min'
  FROM generate_series(1, {ROWS}) i;
CREATE TABLE visits (number bigint, person bigint NOT NULL, at timestamp NOT NULL);
INSERT INTO visits SELECT i, i, timestamp '2026-01-01' + i * interval '1 min' FROM generate_series(1, {ROWS}) i;
"""  # noqa: S608
PSEUDONYM = {"rule": "pseudonym", "domain": "person"}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "a pseudonym that is the primary key": (
        "people",
        {"id": PSEUDONYM, "born": {"rule": "generalise_date", "to": "year"}, "name": "drop", "joined": "drop"},
    ),
    "a pseudonym without a primary key": ("visits", {"number": "drop", "person": PSEUDONYM, "at": "drop"}),
    "no pseudonym, a masked column beside rounded ones": (
        "people",
        {"id": "drop", "born": "keep", "name": "mask_phone", "joined": {"rule": "generalise_date", "to": "year"}},
    ),
}


def rank_correlation(ranks: list[float]) -> float:
    """Give Spearman's coefficient of ranks against the positions at which they stand."""
    row = duckdb.execute(
        "SELECT corr(rank, place) FROM (SELECT row_number() OVER (ORDER BY value) AS rank, place FROM"
        " (SELECT unnest($1::DOUBLE[]) AS value, generate_subscripts($1, 1) AS place))",
        [ranks],
    ).fetchone()
    assert row is not None
    return float(row[0])


def originals(values: list[Any]) -> list[float]:
    """Give the original's rank of each value that a test can recognise: of pseudonyms by the key, of dates as such."""
    from tests.workloads.chain import KEY

    key = domain_key(bytes.fromhex(KEY), "person")
    known = {pseudonym(str(number), key): float(number) for number in range(1, ROWS + 1)}
    return [known[value] if value in known else float(value.toordinal()) for value in values]


def in_files(chain: Any, manifest: str, column: str) -> list[list[Any]]:
    """Give a column's values of each processed file in the order in which they lie."""
    import json

    path = Path(manifest.removeprefix("file://"))
    files = [path.parent / file["path"] for file in json.loads(path.read_text())["files"]]
    query = f'SELECT "{column}" FROM read_parquet($1)'  # noqa: S608
    return [[row[0] for row in duckdb.execute(query, [str(file)]).fetchall()] for file in files]


@pytest.mark.parametrize("pages", [8, 1 << 20])
@pytest.mark.parametrize("case", CASES)
def test_physical_order_tells_nothing_about_the_originals(
    file_chain: Any, monkeypatch: Any, case: str, pages: int
) -> None:
    """Neither by position in files, nor by file, nor by position in the table, with one source range and with many."""
    from baton_workloads.etl import ranges

    monkeypatch.setattr(ranges, "RANGE_BYTES", pages * 8192)
    table, columns = CASES[case]
    if case.startswith("no pseudonym"):
        file_chain.execute(file_chain.source, TABLE, "UPDATE people SET born = date '1960-01-01' + id::int")
        file_chain.execute(file_chain.source, "CLUSTER people USING people_pkey")
    else:
        file_chain.execute(file_chain.source, TABLE)
    file_chain.policies = {table: {"columns": columns}}
    processed = file_chain.to_warehouse()[table]
    column = next(name for name in ("id", "person", "born") if columns.get(name, "drop") != "drop")
    files = [originals(values) for values in in_files(file_chain, processed, column)]
    query = f"SELECT {column} FROM {table} ORDER BY ctid"  # noqa: S608
    stored = [row[0] for row in file_chain.query(file_chain.warehouse, query)]
    assert (len(files) > 5) == (pages == 8)
    assert sum(map(len, files)) == len(stored) == ROWS
    assert abs(rank_correlation([value for file in files for value in file])) < 0.05
    assert abs(rank_correlation(originals(stored))) < 0.05
    for file in files:
        if len(file) > 200:
            assert abs(rank_correlation(file)) < 0.3
            assert max(file) - min(file) > ROWS * 0.9  # a file holds rows of every part
    assert file_chain.validate({table: processed}).code == 0


def test_a_table_that_hides_nothing_keeps_its_order(file_chain: Any) -> None:
    """What is copied as it is has nothing to hide, and is read in the order in which it was written."""
    file_chain.execute(file_chain.source, TABLE)
    file_chain.policies = {"visits": {"columns": {"number": "keep", "person": "keep", "at": "keep"}}}
    file_chain.to_warehouse()
    stored = [row[0] for row in file_chain.query(file_chain.warehouse, "SELECT number FROM visits ORDER BY ctid")]
    assert stored == sorted(stored)
