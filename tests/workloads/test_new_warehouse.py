"""A new kind of warehouse is one new folder: load and validate speak to what it gives them."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.workloads.chain import Chain
from tests.workloads.extended import extended, python, run, stages, validate

FOLDER = Path(__file__).parent / "warehouses" / "duckdb_file"


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """The package with one folder more."""
    name = "etl/warehouses/duckdb_file/__init__.py"
    return extended(tmp_path, {name: (FOLDER / "__init__.py").read_text()})


@pytest.fixture
def to_file(people: Chain, tmp_path: Path) -> Chain:
    """The chain from PostgreSQL into a DuckDB file."""
    people.environment["BATON_WAREHOUSE_DSN"] = f"duckdb://{tmp_path}/warehouse.duckdb"
    return people


def change(chain: Chain, *statements: str) -> list[Any]:
    """Change the file, or ask it; gives the last answer."""
    path = chain.environment["BATON_WAREHOUSE_DSN"].removeprefix("duckdb://")
    with duckdb.connect(path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in statements[:-1]:
            connection.execute(statement)
        return connection.execute(statements[-1]).fetchall()


def test_one_new_folder_is_a_warehouse_that_a_dsn_may_name(include: Path) -> None:
    """The folder's schemes are known, and a wrong address is told all of them."""
    program = (
        "from baton_workloads.errors import ConfigurationError\n"
        "from baton_workloads.etl.warehouses.by_address import warehouse_for\n"
        "print(type(warehouse_for('duckdb:///x')).__name__, type(warehouse_for('postgres://h/d')).__name__,"
        " type(warehouse_for('postgresql://h/d')).__name__)\n"
        "try:\n    warehouse_for('snowflake://x')\nexcept ConfigurationError as err:\n    print(err)\n"
    )
    kinds, said = python(include, program).splitlines()
    assert kinds == "DuckdbWarehouse PostgresWarehouse PostgresWarehouse"
    assert said.endswith("it begins with duckdb:// or postgresql://")


def test_load_and_validate_run_through_it(to_file: Chain, include: Path) -> None:
    """Real files, real rows: what PostgreSQL is asked, the file is asked; and a load knows what was loaded."""
    in_postgres = {**to_file.environment, "BATON_WAREHOUSE_DSN": to_file.warehouse}
    processed = stages(to_file, include)
    rows = change(to_file, "SELECT count(*), count(DISTINCT id), min(email) FROM public.people")
    assert rows == [(501, 501, "p***@***.com")]
    for uri in processed.values():
        assert run(to_file, include, "load", "--manifest", uri).result["outcome"] == "already_loaded"
        run(to_file, include, "load", "--manifest", uri, **in_postgres)
    made = validate(to_file, include, processed).result["datasets"]
    words = [word for uri in processed.values() for word in ("--manifest", uri)]
    asked = run(to_file, include, "validate", *words, **in_postgres).result["datasets"]
    assert {name: found["checks"] for name, found in made.items()} == {n: f["checks"] for n, f in asked.items()}
    assert "no original of code is left" in made["people"]["checks"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM public.visits WHERE number = 7", "visits: warehouse rows 1999"),
        ("UPDATE public.people SET email = 'x@example.com' WHERE born IS NULL", "people: email obeys mask_email"),
        ("UPDATE public.people SET born = '1990-05-05' WHERE born IS NULL", "people: born obeys generalise_date"),
        ("UPDATE public.people SET salary = 101 WHERE born IS NULL", "people: salary obeys generalise_number"),
        ("UPDATE public.people SET code = md5('17')::uuid WHERE born IS NULL", "no original of code is left (1 rows"),
        (
            "UPDATE public.people SET score = '0.5' WHERE score = (SELECT max(score) FROM public.people)",
            "score are the",
        ),
        ("UPDATE public.visits SET person = uuid() WHERE number = 7", "visits: (person) joins people (id) (1 rows"),
        ("DROP TABLE public.people", "dataset people is not in the warehouse"),
    ],
)
def test_what_is_wrong_in_it_is_found(to_file: Chain, include: Path, statement: str, said: str) -> None:
    """Each check is the warehouse's to answer, and validate's to judge."""
    processed = stages(to_file, include)
    change(to_file, statement)
    outcome = validate(to_file, include, processed)
    assert (outcome.code, said in outcome.error) == (65, True), outcome.stderr
