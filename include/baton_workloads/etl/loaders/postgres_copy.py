"""Copy Parquet files into a PostgreSQL table: the engine writes binary COPY into a pipe, the connection reads it."""

import fcntl
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl import engine
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.loaders import Load
from baton_workloads.etl.loaders.postgres_values import MACROS, encoded, needs_cast, staging_type
from baton_workloads.etl.manifest import File, Manifest
from baton_workloads.progress import Progress
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import psycopg

PIPE_BYTES = 1 << 20


def fill(connection: "psycopg.Connection[Any]", load: Load, staging: str) -> None:
    """Copy all files of a load into a table.

    :raises DataError: a file is not what the manifest says.
    """
    made = load.manifest
    progress = Progress(f"load {made.dataset}", made.rows)
    carried = [c for c in made.columns if c.carrier != "absent"]
    through = staging
    if any(needs_cast(column) for column in carried):
        through = "pg_temp.baton_values"
        columns = ", ".join(f"{identifier(c.name)} {staging_type(c)}" for c in carried)
        connection.execute(f"CREATE TEMP TABLE baton_values ({columns}) ON COMMIT DROP".encode())
    for file in made.files:
        progress.add(_copy_file(connection, load, file, through))
    if through != staging:
        names = ", ".join(identifier(c.name) for c in carried)
        values = ", ".join(f"{identifier(c.name)}::{c.type}" for c in carried)
        connection.execute(f"INSERT INTO {staging} ({names}) SELECT {values} FROM {through}".encode())  # noqa: S608


def _copy_file(connection: "psycopg.Connection[Any]", load: Load, file: File, table: str) -> int:
    uri = join(load.uri.rsplit("/", 1)[0], file.path)
    with store_for(uri).reading(uri, file.bytes, file.sha256) as path:
        rows = _stream(connection, load.manifest, path, table)
    if rows != file.rows:
        raise DataError(f"{uri} holds {rows} rows, its manifest says {file.rows}; run the transform again")
    return rows


def _stream(connection: "psycopg.Connection[Any]", made: Manifest, path: Path, table: str) -> int:
    """Let the engine write PostgreSQL's binary COPY format into a pipe that the connection reads."""
    carried = [c for c in made.columns if c.carrier != "absent"]
    if not carried:
        raise DataError(f"dataset {made.dataset}: no column is left to load; keep at least one")
    values = ", ".join(f"{encoded(c, identifier(c.name))} AS {identifier(c.name)}" for c in carried)
    names = ", ".join(identifier(c.name) for c in carried)
    with tempfile.TemporaryDirectory(prefix="baton-") as directory:
        pipe = Path(directory) / "copy"
        os.mkfifo(pipe, 0o600)
        query = f"COPY (SELECT {values} FROM read_parquet({literal(str(path))}))"  # noqa: S608
        writer = _Writer(f"{query} TO {literal(str(pipe))} (FORMAT postgres_binary)", pipe, made.dataset)
        with connection.cursor() as cursor:
            with writer, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)".encode()) as copy:
                while block := writer.read():
                    copy.write(block)
                writer.finish()
            return cursor.rowcount


class _Writer:
    """The engine on a thread of its own, writing into a pipe; its error is raised where the pipe is read."""

    def __init__(self, statement: str, pipe: Path, dataset: str) -> None:
        self._statement = statement
        self._pipe = pipe
        self._dataset = dataset
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="engine")

    def __enter__(self) -> "_Writer":
        self._thread.start()
        self._descriptor = os.open(self._pipe, os.O_RDONLY)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)  # ends a writer that is still at it
        self._thread.join()

    def read(self) -> bytes:
        """Give the next block, empty at the end."""
        return os.read(self._descriptor, PIPE_BYTES)

    def finish(self) -> None:
        """Wait for the engine and raise its error, so that a cut stream is never taken for a whole one."""
        import duckdb

        self._thread.join()
        if isinstance(self._error, duckdb.Error):
            raise engine.translate(self._error, f"load {self._dataset}") from self._error
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        try:
            connection = engine.connect(postgres=True)
            connection.execute(MACROS)
            try:
                connection.execute(self._statement)
            finally:
                connection.close()
        except BaseException as err:
            self._error = err
            # The reader waits in open(2) until somebody has opened the other end.
            os.close(os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK))
