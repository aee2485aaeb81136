"""`query` and `action`: SQL with bound parameters through an Airflow connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from baton.exceptions import PermanentError, TransientError
from baton.jobs.model.steps import ActionStep, QueryStep
from baton.jobs.run.json_values import plain_json
from baton.jobs.run.turn import EndJob, StepInDoubtError, Turn

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_LOOK_SECONDS = 0.2
_ABOUT_NO_DATA = ("08", "23", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58")
"""Classes of PostgreSQL's errors whose first line names things of the schema and no values."""
_IN_DOUBT = "an earlier attempt may have changed the rows: look, then run the step's statement by hand or the job anew"


def run_query(step: QueryStep, turn: Turn) -> list[dict[str, Any]]:
    """The rows, each a mapping of column → value as JSON has it.

    :raises PermanentError: there are more than the step takes, or the database refuses the statement.
    :raises EndJob: there are none, and the step says so.
    """
    from sqlalchemy import text

    with _database(step.connection, turn) as engine, _transaction(engine, turn, read_only=True) as connection:
        streaming, values = connection.execution_options(stream_results=True), turn.value(dict(step.values))
        with streaming.execute(text(step.query), values) as found:
            rows = list(_limited(found.mappings(), step, turn))
    if not rows and step.on_empty.kind != "continue":
        if step.on_empty.kind == "abort":
            raise PermanentError(step.on_empty.message or "the query found nothing")
        raise EndJob(step.on_empty.message or "the query found nothing")
    return rows


def _limited(found: Any, step: QueryStep, turn: Turn) -> Iterator[dict[str, Any]]:
    size_bytes = 0
    for number, row in enumerate(found, 1):
        turn.check_time()
        if number > step.max_rows:
            raise PermanentError(f"the query gives more than {step.max_rows:,} rows: narrow it, or raise max_rows")
        plain = {str(name): plain_json(value) for name, value in row.items()}
        size_bytes += len(json.dumps(plain))
        if size_bytes > step.max_bytes:
            raise PermanentError(f"the query gives more than {step.max_bytes:,} bytes: narrow it, or raise max_bytes")
        yield plain


def run_action(step: ActionStep, turn: Turn) -> dict[str, Any]:
    """Change rows in one transaction; returns `{"rows": …, "dry_run": …}`.

    Why the transaction's id is noted before it is committed: PostgreSQL knows of each id whether it was committed, so
    the next attempt of a killed one asks instead of doing it twice.

    :raises PermanentError: it would change more rows than `at_most`; nothing was changed.
    :raises StepInDoubtError: nobody knows whether an earlier attempt has changed them.
    """
    from sqlalchemy import text

    with _database(step.connection, turn) as engine:
        if (done := _earlier(step, turn, engine)) is not None:
            return done
        with _transaction(engine, turn) as connection:
            rows = max(connection.execute(text(step.action), turn.value(dict(step.values))).rowcount, 0)
            if step.dry_run:
                connection.rollback()
                return {"rows": rows, "dry_run": True}
            if rows > step.at_most:
                connection.rollback()
                raise PermanentError(f"it would change {rows:,} rows, more than at_most {step.at_most:,}: nothing is")
            turn.memory.note({"transaction": _transaction_id(connection), "rows": rows})
    return {"rows": rows, "dry_run": False}


def _earlier(step: ActionStep, turn: Turn, engine: Engine) -> dict[str, Any] | None:
    """What an earlier attempt has done, if it has."""
    effect = turn.memory.effect
    if effect is None:
        return None
    if (number := effect.get("transaction")) is None:
        if step.repeatable:
            return None
        raise StepInDoubtError(_IN_DOUBT)
    status = _status_of(number, turn, engine)
    if status == "committed":
        return {"rows": effect["rows"], "dry_run": False}
    if status == "aborted" or step.repeatable:
        return None
    raise StepInDoubtError(_IN_DOUBT)


def _status_of(number: str, turn: Turn, engine: Engine) -> str | None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    while True:
        try:
            with engine.connect() as connection:
                status = connection.scalar(text("SELECT pg_xact_status(CAST(:number AS xid8))"), {"number": number})
        except DBAPIError as err:
            if err.connection_invalidated or _is_passing(err):
                raise TransientError(f"the database was lost: {_words(err)}") from err
            return None  # of another database than the one that gave the number
        if status != "in progress":
            return None if status is None else str(status)
        if turn.seconds_left <= _LOOK_SECONDS:
            raise TransientError("the transaction of an earlier attempt has not ended yet")
        time.sleep(_LOOK_SECONDS)


def _transaction_id(connection: Connection) -> str | None:
    from sqlalchemy import text

    if connection.dialect.name != "postgresql":
        return None
    return str(connection.scalar(text("SELECT pg_current_xact_id()")))


@contextmanager
def _database(connection_id: str, turn: Turn) -> Iterator[Engine]:
    """The database of a connection; its errors become ours, without the values that were bound."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    engine: Engine = turn.opened.get(("sql", connection_id), lambda: _engine(connection_id))
    try:
        yield engine
    except DBAPIError as err:
        kind = TransientError if err.connection_invalidated or _is_passing(err) else PermanentError
        raise kind(f"{connection_id}: {_words(err)}") from err
    except SQLAlchemyError as err:
        raise PermanentError(f"{connection_id}: {_words(err)}") from err


@contextmanager
def _engine(connection_id: str) -> Iterator[Engine]:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException
    from sqlalchemy import create_engine

    try:
        connection: Any = BaseHook.get_connection(connection_id)
        hook = connection.get_hook()
    except AirflowNotFoundException as err:
        raise PermanentError(f"connection {connection_id} is missing: make it in Airflow") from err
    if not hasattr(hook, "sqlalchemy_url"):
        raise PermanentError(f"connection {connection_id} is of no database")
    engine = create_engine(hook.sqlalchemy_url, pool_size=1, max_overflow=-1, pool_pre_ping=True, hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _transaction(engine: Engine, turn: Turn, *, read_only: bool = False) -> Iterator[Connection]:
    from sqlalchemy import text

    is_postgres = engine.dialect.name == "postgresql"
    options = {"postgresql_readonly": True} if read_only and is_postgres else {}
    with engine.connect().execution_options(**options) as connection:
        if is_postgres:
            limit = f"{max(int(turn.seconds_left * 1000), 1)}"
            connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": limit})
        yield connection
        connection.commit()


def _is_passing(err: Any) -> bool:
    """Whether the same statement may succeed later: lost, shutting down, locked, out of room, serialisation."""
    from sqlalchemy.exc import OperationalError

    state = getattr(err.orig, "sqlstate", None) or ""
    if state:
        return state[:2] in ("08", "40", "53", "55", "57", "58")
    return isinstance(err, OperationalError)


def _words(err: Any) -> str:
    """What is wrong, without the values that a database quotes in errors about data."""
    cause = getattr(err, "orig", None) or err
    state = getattr(cause, "sqlstate", None)
    if state and state[:2] not in _ABOUT_NO_DATA:
        return f"{type(cause).__name__} ({state}); the database's log has the whole message"
    return str(cause).strip().partition("\n")[0][:300]
