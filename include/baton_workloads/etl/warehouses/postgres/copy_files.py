"""Copy Parquet files into a PostgreSQL table, in PostgreSQL's binary COPY format.

The engine writes the next files' rows to temporary files while the server takes the rows of the file before. Why not
through a pipe: engine, client and server would wait for each other at every block. Why several: to make a row's binary
form may take longer than to store it.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import threads
from baton_workloads.errors import DataError, some
from baton_workloads.etl import engine, row_groups
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column, File
from baton_workloads.etl.warehouses.base import Load
from baton_workloads.etl.warehouses.postgres.binary_values import MACROS, encoded, narrowing, needs_cast, staging_type
from baton_workloads.etl.warehouses.postgres.load_privileges import ensure_temporary
from baton_workloads.progress import Progress
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb
    import psycopg

BLOCK_BYTES = 1 << 18
FOREIGN_SIGNS = {"22P05", "22021"}
REFUSED_VALUES = ("22", "0A")  # classes: data, and what this server was built without


def fill(connection: "psycopg.Connection[Any]", load: Load, staging: str) -> None:
    """Copy all files of a load into a table.

    :raises DataError: a file is not what the manifest says.
    """
    made = load.manifest
    columns = [c for c in made.columns if c.carrier != "absent"]
    if not columns:
        raise DataError(f"dataset {made.dataset}: no column is left to load; keep at least one")
    names = ", ".join(identifier(c.name) for c in columns)
    through = staging
    if any(needs_cast(column) for column in columns):
        ensure_temporary(connection)
        through = "pg_temp.baton_values"
        types = ", ".join(f"{identifier(c.name)} {staging_type(c)}" for c in columns)
        connection.execute(f"CREATE TEMP TABLE baton_values ({types}) ON COMMIT DROP".encode())
    # Frozen, or whoever reads first writes to every page once more. Before the commit nobody sees the table.
    frozen = ", FREEZE" if through == staging else ""
    copy = f"COPY {through} ({names}) FROM STDIN (FORMAT binary{frozen})"
    progress = Progress(f"load {made.dataset}", made.rows)
    with _encoded_files(load, columns) as files:
        for file, path in files:
            progress.add(_send(connection, copy, file, path, columns))
    if through != staging:
        _cast(connection, made.dataset, columns, through, staging)


def _cast(
    connection: "psycopg.Connection[Any]", dataset: str, columns: list[Column], through: str, staging: str
) -> None:
    """Let the server read text forms.

    :raises DataError: it cannot read some; naming the columns.
    """
    import psycopg

    names = ", ".join(identifier(c.name) for c in columns)
    values = ", ".join(f"{identifier(c.name)}::{c.type}" for c in columns)
    try:
        with connection.transaction():
            connection.execute(f"INSERT INTO {staging} ({names}) SELECT {values} FROM {through}".encode())  # noqa: S608
    except psycopg.DatabaseError as err:
        if not (err.sqlstate or "").startswith(REFUSED_VALUES):
            raise
        wrong = [f"{c.name} ({c.type})" for c in columns if needs_cast(c) and not _casts(connection, c, through)]
        raise DataError(f"load {dataset}, column {some(wrong)}: {_advice(connection, err)}") from err


def _casts(connection: "psycopg.Connection[Any]", column: Column, through: str) -> bool:
    import psycopg

    query = f"SELECT count({identifier(column.name)}::{column.type}) FROM {through}"  # noqa: S608
    try:
        with connection.transaction():
            connection.execute(query.encode())
    except psycopg.DatabaseError:
        return False
    return True


def _send(connection: "psycopg.Connection[Any]", statement: str, file: File, path: Path, columns: list[Column]) -> int:
    import psycopg

    with connection.cursor() as cursor:
        try:
            with cursor.copy(statement.encode()) as copy, path.open("rb") as content:
                while block := content.read(BLOCK_BYTES):
                    copy.write(block)
        except psycopg.DatabaseError as err:
            if not (err.sqlstate or "").startswith(REFUSED_VALUES):
                raise
            raise _refused(connection, file, columns, err) from err
        rows = cursor.rowcount
    if rows != file.rows:
        raise DataError(f"{file.path} holds {rows} rows, its manifest says {file.rows}; run the transform again")
    return rows


def _refused(
    connection: "psycopg.Connection[Any]", file: File, columns: list[Column], err: "psycopg.DatabaseError"
) -> DataError:
    """Say in which column COPY met what the warehouse cannot take: its name ends the server's words about the place."""
    place = (err.diag.context or "").partition("\n")[0]
    named = max((c.name for c in columns if place.endswith(f" {c.name}")), key=len, default="")
    where = f"{file.path}, column {named}" if named else file.path
    if err.sqlstate in FOREIGN_SIGNS:
        encoding = connection.info.parameter_status("server_encoding")
        return DataError(
            f"{where}: a text has a sign that the warehouse's encoding {encoding} lacks; make the warehouse with"
            " ENCODING 'UTF8', or give the column the rule drop or null"
        )
    return DataError(f"{where}: {_advice(connection, err)}")


def _advice(connection: "psycopg.Connection[Any]", err: "psycopg.DatabaseError") -> str:
    version = connection.info.parameter_status("server_version")
    return (
        f"the warehouse, PostgreSQL {version}, cannot take a value ({type(err).__name__}): it is older than the source,"
        " or built without that type; give the column the rule null or drop, or name a view that makes text of it as"
        " the policy's source"
    )


@contextmanager
def _encoded_files(load: Load, columns: list[Column]) -> Iterator[Iterator[tuple[File, Path]]]:
    """Give each file with a path to its rows in PostgreSQL's format; the next one is made meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="baton-") as directory,
        closing(engine.connect(postgres=True)) as writer,
        ThreadPoolExecutor(max_workers=threads()) as pool,
    ):
        writer.execute(MACROS)

        def make(number: int) -> Path:
            path = Path(directory) / f"{number}.copy"
            _encode(writer.cursor(), load, columns, load.manifest.files[number], path)
            return path

        yield _ahead(pool, make, load.manifest.files)


def _ahead(pool: ThreadPoolExecutor, make: Callable[[int], Path], files: list[File]) -> Iterator[tuple[File, Path]]:
    numbers = iter(range(len(files)))
    made = deque(pool.submit(make, number) for number in islice(numbers, threads()))
    for file in files:
        path = made.popleft().result()
        made.extend(pool.submit(make, number) for number in islice(numbers, 1))
        yield file, path
        path.unlink()


def _encode(writer: "duckdb.DuckDBPyConnection", load: Load, columns: list[Column], file: File, path: Path) -> None:
    import duckdb

    uri = join(load.uri.rsplit("/", 1)[0], file.path)
    with store_for(uri).reading(uri, file.bytes, file.sha256) as parquet:
        rows = engine.parquet(str(parquet))
        try:
            query = f"SELECT {_values(writer, columns, rows)} FROM {rows}"  # noqa: S608
            with row_groups.alone_if_huge(row_groups.measure(writer, parquet)):
                writer.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT postgres_binary)")
        except duckdb.Error as err:
            raise engine.translate(err, f"load {load.manifest.dataset}, {file.path}") from err


def _values(writer: "duckdb.DuckDBPyConnection", columns: list[Column], rows: str) -> str:
    """Give the expressions of the columns' binary forms, which depend a little on the values."""
    narrow = narrowing(columns)
    fits = writer.execute(f"SELECT {', '.join(narrow.values()) or 'true'} FROM {rows}").fetchone() or ()  # noqa: S608
    fitting = {name for name, fit in zip(narrow, fits, strict=False) if fit}
    return ", ".join(
        f"{encoded(c, identifier(c.name), narrow=c.name in fitting)} AS {identifier(c.name)}" for c in columns
    )
