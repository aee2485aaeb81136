"""PostgreSQL connections whose errors say what to do and never quote a value."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError
from baton_workloads.etl.connection_refusals import refusal

if TYPE_CHECKING:
    import psycopg

CONNECT_TIMEOUT_SECONDS = 10
LOCK_TIMEOUT = "5min"

# Text forms must not depend on the server's or role's configuration. Source: PostgreSQL, "Client Connection Defaults".
SESSION = (
    "SET SESSION datestyle = 'ISO, YMD'; SET SESSION intervalstyle = 'postgres'; SET SESSION timezone = 'UTC';"
    "SET SESSION bytea_output = 'hex'; SET SESSION extra_float_digits = 1; SET SESSION client_encoding = 'UTF8';"
    "SET SESSION row_security = off; SET SESSION search_path = pg_catalog;"
    f"SET SESSION lock_timeout = '{LOCK_TIMEOUT}'; SET SESSION statement_timeout = 0;"
    "SET SESSION idle_in_transaction_session_timeout = 0"
)
# A setting that PostgreSQL has from 17 on. Without it a server that ends long transactions would end a dump's snapshot.
NO_TRANSACTION_TIMEOUT = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'"


TRANSIENT_CLASSES = {"08", "40", "53", "57", "58"}  # connection, rollback, resources, operator, system
TRANSIENT_CODES = {"55P03", "55006", "25P03", "25P04"}  # lock timeout, object in use, idle and transaction timeouts
NO_ADDRESS = ("connection option", "connection info string", "in URI", "invalid URI", "percent-encoded")
CONFIGURATION_CODES = {"28000", "28P01", "3D000", "42501", "25006"}


@contextmanager
def connect(dsn: str, what: str) -> "Iterator[psycopg.Connection[Any]]":
    """Open a connection and name its errors.

    :param what: ``source`` or ``warehouse``, for messages.
    :raises TransientError: it does not answer, takes no connections just now, or stops answering.
    :raises ConfigurationError: it refuses the role, the database does not exist, or the DSN's host or TLS is wrong.
    """
    import psycopg

    with named_errors(what):
        connection = psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_SECONDS, application_name=f"baton {what}")
        with connection:
            connection.execute(SESSION)
            connection.execute(NO_TRANSACTION_TIMEOUT)
            connection.commit()
            yield connection


@contextmanager
def named_errors(what: str) -> Iterator[None]:
    """Turn the driver's errors into ours, told apart by SQLSTATE."""
    import psycopg

    try:
        yield
    except psycopg.Error as err:
        raise translate(err, what) from err


def translate(err: "psycopg.Error", what: str) -> WorkloadError:
    """Give our error for the driver's; of the server's answer only names and the SQLSTATE are used."""
    import psycopg

    code = err.sqlstate
    if code is None:
        return _without_code(err, what)
    said = f"{what} database: {type(err).__name__} ({code}){_place(err)}"
    if code in CONFIGURATION_CODES:
        return ConfigurationError(f"{said}; check the DSN, its role and the role's privileges")
    if code[:2] in TRANSIENT_CLASSES or code in TRANSIENT_CODES or isinstance(err, psycopg.OperationalError):
        return TransientError(f"{said}; try again later")
    return DataError(f"{said}; the server's log has its full text")


def _without_code(err: "psycopg.Error", what: str) -> WorkloadError:
    """Give our error for one that the client itself has found: of the address, of a value, or of the connection."""
    import psycopg

    if isinstance(err, psycopg.OperationalError | psycopg.InterfaceError):
        return refusal(err, what)
    if any(words in str(err) for words in NO_ADDRESS):
        return ConfigurationError(f"{what} DSN is no PostgreSQL address; it looks like postgresql://user@host/database")
    return DataError(f"{what} database: {type(err).__name__}, found by the client; trying again does not help")


def _place(err: "psycopg.Error") -> str:
    diagnosis = err.diag
    parts = [
        ("table", diagnosis.table_name),
        ("column", diagnosis.column_name),
        ("constraint", diagnosis.constraint_name),
    ]
    return "".join(f" {kind} {name}" for kind, name in parts if name)
