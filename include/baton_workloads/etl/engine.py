"""DuckDB, set up the same way for each stage: offline, single-threaded queries, UTC.

Why one thread for each query: stages run several queries side by side, one for each part of a dataset. That keeps the
order of rows within a part and bounds memory by the number of threads.
"""

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "384MB"
# Level 3 is slower and no smaller. Row groups end at bytes, too: a reader holds what a writer held.
PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE_BYTES '16MB'"

# What libpq and PostgreSQL say when a connection ends or a standby cancels a query; the engine hands on only their
# text.
CONNECTION_SIGNS = (
    "server closed the connection",
    "terminating connection",
    "could not receive data",
    "could not connect",
    "connection refused",
    "unable to connect",
    "connection to server",
    "no connection to the server",
    "ssl syscall error",
    "conflict with recovery",
    "canceling statement due to lock timeout",
    "the database system is",
)


def connect(*, postgres: bool = False, memory: str = MEMORY_LIMIT) -> "duckdb.DuckDBPyConnection":
    """Open an engine in memory; what does not fit goes to the temporary directory.

    :param postgres: load the extension that speaks PostgreSQL, from the wheel that holds it; nothing is downloaded.
    """
    import duckdb

    connection = duckdb.connect(
        config={
            "threads": 1,
            "preserve_insertion_order": "false",  # else row groups cannot be bounded by bytes; one thread keeps it
            "memory_limit": memory,
            "temp_directory": str(Path(gettempdir()) / f"baton-engine-{os.getpid()}"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    if postgres:
        connection.execute(f"LOAD {literal(str(_extension('duckdb_extension_postgres_scanner', duckdb.__version__)))}")
    return connection


def _extension(package: str, version: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"package {package} is missing; install the workloads' requirements.txt")
    name = package.removeprefix("duckdb_extension_")
    return Path(spec.submodule_search_locations[0]) / "extensions" / f"v{version}" / f"{name}.duckdb_extension"


def translate(err: "duckdb.Error", doing: str) -> WorkloadError:
    """Give our error for the engine's. Its text is read, to tell causes apart, but never shown: it may quote a value.

    :param doing: what was done to what, for example ``export customers``.
    """
    import duckdb

    text = str(err).lower()
    if any(sign in text for sign in CONNECTION_SIGNS):
        return TransientError(f"{doing}: the database stopped answering; try again later")
    if "no space left" in text or "max_temp_directory_size" in text:
        return TransientError(f"{doing}: the disk is full; free some space")
    if isinstance(err, duckdb.OutOfMemoryException):  # of the engine's own limit, so the next try ends in the same way
        return DataError(
            f"{doing}: rows are too wide for {MEMORY_LIMIT} of memory; give the widest columns the rule drop or null,"
            " or shorten their values in a view and name it as the policy's source"
        )
    if "invalid byte sequence for encoding" in text or "has no equivalent in encoding" in text:
        return DataError(
            f"{doing}: a text is no valid UTF-8, nor can the server make it so; correct it, give its column the rule"
            " drop or null, or name a view that leaves it out as the policy's source"
        )
    if isinstance(err, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException):
        return DataError(f"{doing}: a value does not fit its type ({type(err).__name__})")
    return DataError(f"{doing}: the engine failed ({type(err).__name__})")


def roll_back(connection: "duckdb.DuckDBPyConnection") -> None:
    """End a connection's transaction, whatever has become of the databases that it reaches.

    Why explicitly: where the rollback fails within a destructor, the engine ends the whole process (duckdb 1.5.5).
    """
    import duckdb

    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")


def parquet(path: str, *, numbered: bool = False) -> str:
    """Give the table of a Parquet file's rows.

    Why without partitioning: a folder called ``name=value`` would replace the column of that name.

    :param numbered: with the column ``file_row_number``.
    """
    options = ", file_row_number = true" if numbered else ""
    return f"read_parquet({literal(path)}, hive_partitioning = false{options})"


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'
