# ruff: noqa: S608  (tests write their SQL themselves)
"""Every numeric of every precision and scale arrives as the number that it was."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.workloads.test_exactness import literal

from baton_workloads.etl import engine
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.warehouses.postgres import copy_files
from baton_workloads.etl.warehouses.postgres.binary_values import MACROS

MAX = 38
EVERY = [(precision, scale) for precision in range(1, MAX + 1) for scale in range(precision + 1)]
WIDER = [(39, 0), (39, 39), (40, 38), (60, 30), (1000, 500), (1, -1), (5, -3), (38, -20), (2, 5), (1, 38), (10, 60)]
TABLE_COLUMNS = 160  # a row of the widest numerics has to fit into a page


def number(units: int, scale: int) -> str:
    """Give so many of the smallest steps."""
    return format(Decimal(f"{units}E{-scale}"), "f")


def edges(precision: int, scale: int) -> list[str]:
    """Give the values at the edges of a type: all nines, the smallest step, nothing, a half."""
    nines = 10**precision - 1
    half = [f"{sign}0.5" for sign in ("", "-")] if 1 <= scale <= precision else []
    return [*(number(units, scale) for units in (nines, -nines, 1, -1)), "0", *half]


def small(precision: int, scale: int) -> list[str]:
    """Give values below one only: columns of which all values are small travel in another way."""
    values = [v for v in edges(precision, scale) if abs(Decimal(v)) < 1]
    return [*values, *(["0.123456789012345678", "-0.999999999999999999"] if 18 <= scale <= precision else [])]


def tables(values: Any, digits: list[tuple[int, int]]) -> dict[str, tuple[list[tuple[int, int]], list[list[str]]]]:
    """Give tables that hold all types between them, by name: the types, and the rows."""
    made = {}
    for number, first in enumerate(range(0, len(digits), TABLE_COLUMNS)):
        types = digits[first : first + TABLE_COLUMNS]
        columns = [values(*kind) for kind in types]
        rows = max(len(column) for column in columns)
        made[f"numbers_{number}"] = (
            types,
            [[column[row % len(column)] if column else "0" for column in columns] for row in range(rows)],
        )
    return made


@pytest.mark.parametrize(("values", "digits"), [(edges, EVERY), (small, EVERY), (edges, WIDER)])
def test_numbers_of_every_precision_and_scale_arrive(file_chain: Any, values: Any, digits: Any) -> None:
    """From the source to the warehouse, all nines, smallest steps and halves keep every digit."""
    made = tables(values, digits)
    for table, (types, rows) in made.items():
        columns = ", ".join(f"c{i} numeric({p},{s})" for i, (p, s) in enumerate(types))
        lines = ", ".join(f"({n}, {', '.join(literal(v) for v in row)})" for n, row in enumerate(rows))
        file_chain.execute(
            file_chain.source, f"CREATE TABLE {table} (id int PRIMARY KEY, {columns})",
            f"INSERT INTO {table} VALUES {lines}",
        )  # fmt: skip
        file_chain.policies[table] = {"columns": {"id": "keep"} | {f"c{i}": "keep" for i in range(len(types))}}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    for table, (types, _) in made.items():
        query = f"SELECT {', '.join(f'c{i}::text' for i in range(len(types)))} FROM {table} ORDER BY id"
        before, after = file_chain.query(file_chain.source, query), file_chain.query(file_chain.warehouse, query)
        wrong = {types[i] for b, a in zip(before, after, strict=True) for i in range(len(types)) if a[i] != b[i]}
        assert wrong == set()


@pytest.fixture(scope="module")
def warehouse(server: Any) -> Iterator["psycopg.Connection[Any]"]:
    """A connection to a database of the module's own."""
    with psycopg.connect(server.database(), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def writer() -> Iterator[duckdb.DuckDBPyConnection]:
    """The engine that writes PostgreSQL's format."""
    made = engine.connect(postgres=True)
    made.execute(MACROS)
    yield made
    made.close()


@st.composite
def columns_of_numbers(draw: st.DrawFn) -> tuple[int, int, list[str]]:
    """Give a precision, a scale, and numbers of it, few or many digits long."""
    precision = draw(st.sampled_from([9, 17, 18, 19, 37, 38]) | st.integers(1, MAX))
    scale = precision - min(precision, draw(st.integers(0, 2) | st.integers(0, precision)))
    largest = 10 ** draw(st.just(precision) | st.integers(1, precision)) - 1
    units = draw(st.lists(st.integers(-largest, largest) | st.sampled_from([largest, -largest, 1, -1, 0]), min_size=1))
    return precision, scale, [number(unit, scale) for unit in units]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns_of_numbers())
def test_any_column_of_numbers_is_written_as_postgresql_reads_it(
    warehouse: "psycopg.Connection[Any]",
    writer: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    made: tuple[int, int, list[str]],
) -> None:
    """Whatever the digits, and whichever width they travel in, the server reads the same numbers."""
    precision, scale, values = made
    kind = f"numeric({precision},{scale})"
    writer.execute(f"CREATE OR REPLACE TABLE numbers AS SELECT unnest($1)::DECIMAL({precision},{scale}) AS v", [values])
    column = Column(name="v", type=kind, udt="numeric", carrier="native")
    path = tmp_path / "numbers.copy"
    expression = copy_files._values(writer, [column], "numbers")
    writer.execute(f"COPY (SELECT {expression} FROM numbers) TO '{path}' (FORMAT postgres_binary)")
    warehouse.execute(f"DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (n serial, v {kind})".encode())
    with warehouse.cursor() as cursor, cursor.copy(b"COPY numbers (v) FROM STDIN (FORMAT binary)") as copy:
        copy.write(path.read_bytes())
    read = [str(v) for (v,) in warehouse.execute("SELECT v::text FROM numbers ORDER BY n")]
    expected = warehouse.execute(f"SELECT v::{kind}::text FROM unnest(%s::text[]) v".encode(), (values,))
    assert read == [v for (v,) in expected]
