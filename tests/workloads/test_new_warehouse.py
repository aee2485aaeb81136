"""A new kind of warehouse is one new folder: load and validate speak to what it gives them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.workloads.chain import Chain, filled, make_chain
from tests.workloads.extended import Commands, extended, python
from tests.workloads.postgres_server import Server

FOLDER = Path(__file__).parent / "warehouses" / "duckdb_file"


@pytest.fixture(scope="module")
def include(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one folder more."""
    name = "etl/warehouses/duckdb_file/__init__.py"
    return extended(tmp_path_factory.mktemp("extended"), {name: (FOLDER / "__init__.py").read_text()})


@pytest.fixture(scope="module")
def commands(include: Path) -> Iterator[Commands]:
    """What runs the chain with that package."""
    with Commands(include) as made:
        yield made


@pytest.fixture(scope="module")
def to_file(server: Server, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, Any, Path]:
    """The chain from PostgreSQL into a DuckDB file, its processed manifests, and the file, which nobody changes."""
    folder = tmp_path_factory.mktemp("file")
    chain = filled(make_chain(server, f"file://{folder}/raw", f"file://{folder}/processed"))
    chain.environment["BATON_WAREHOUSE_DSN"] = f"duckdb://{folder}/warehouse.duckdb"
    return chain, commands.stages(chain), folder / "warehouse.duckdb"


def change(path: Path, *statements: str) -> list[Any]:
    """Change the file, or ask it; gives the last answer."""
    with duckdb.connect(str(path)) as connection:
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


def test_load_and_validate_run_through_it(to_file: tuple[Chain, Any, Path], commands: Commands) -> None:
    """Real files, real rows: what PostgreSQL is asked, the file is asked; and a load knows what was loaded."""
    chain, processed, path = to_file
    in_postgres = {"BATON_WAREHOUSE_DSN": chain.warehouse}
    rows = change(path, "SELECT count(*), count(DISTINCT id), min(email) FROM public.people")
    assert rows == [(501, 501, "p***@***.com")]
    for uri in processed.values():
        assert commands.run(chain, "load", "--manifest", uri).result["outcome"] == "already_loaded"
        commands.run(chain, "load", "--manifest", uri, **in_postgres)
    made = commands.validate(chain, processed).result["datasets"]
    asked = commands.validate(chain, processed, **in_postgres).result["datasets"]
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
def test_what_is_wrong_in_it_is_found(
    to_file: tuple[Chain, Any, Path], commands: Commands, tmp_path: Path, statement: str, said: str
) -> None:
    """Each check is the warehouse's to answer, and validate's to judge."""
    chain, processed, path = to_file
    changed = Path(shutil.copy(path, tmp_path))
    change(changed, statement)
    outcome = commands.validate(chain, processed, BATON_WAREHOUSE_DSN=f"duckdb://{changed}")
    assert (outcome.code, said in outcome.error) == (65, True), outcome.stderr
