"""Make again, around the new table, what was around the old one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError, TransientError
from baton_workloads.etl import database
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.warehouses.postgres.dependents import settings
from baton_workloads.etl.warehouses.postgres.dependents.model import Dependents, Index, NewTable, Step
from baton_workloads.etl.warehouses.postgres.dependents.refusal import refuse

if TYPE_CHECKING:
    import psycopg


def run(connection: "psycopg.Connection[Any]", new: NewTable, steps: Iterable[Step]) -> None:
    """Run steps; a failure names what could not be made again.

    :raises DataError: the new table does not fit what was there.
    """
    import psycopg

    for step in steps:
        try:
            connection.execute(step.sql.encode())
        except psycopg.Error as err:
            said = database.translate(err, "warehouse")
            if isinstance(said, TransientError):
                raise
            raise type(said)(
                f"table {new.name} cannot be replaced: {step.what} cannot be given back to the new table"
                f" ({type(err).__name__}, {err.sqlstate}); drop it, or change the policy back"
            ) from err


def dress(connection: "psycopg.Connection[Any]", new: NewTable, around: Dependents, staging: str) -> None:
    """Give the empty staging table the old one's settings.

    :raises DataError: it does not take one, or differs from the old table in something that nobody here knows.
    """
    run(connection, new, (Step(s.what, f"ALTER TABLE {staging} {s.sql}") for s in around.dressing))
    if around.oid is not None:
        refuse(new, settings.differences(connection, around.oid, staging))


def build_indexes(
    connection: "psycopg.Connection[Any]", new: NewTable, around: Dependents, staging: str, prefix: str
) -> None:
    """Build indexes, primary key and statistics on the staging table, while readers still use the old one."""
    for number, index in enumerate(around.indexes):
        run(connection, new, _built(index, staging, f"{prefix}_{number}"))
    for number, statistics in enumerate(around.statistics):
        name = f"{identifier(new.schema)}.{prefix}_s{number}"
        steps = [f"CREATE STATISTICS {name} {statistics.definition} FROM {staging}"]
        if statistics.target is not None:
            steps.append(f"ALTER STATISTICS {name} SET STATISTICS {statistics.target}")
        run(connection, new, (Step(f"statistics {statistics.name}", sql) for sql in steps))


def _built(index: Index, staging: str, name: str) -> list[Step]:
    what = f"primary key {index.name}" if index.primary else f"index {index.name}"
    if index.primary:
        made = f"ALTER TABLE {staging} ADD CONSTRAINT {name} {index.definition}"
    else:
        made = f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {name} ON {staging} {index.definition}"
    schema = staging.rsplit(".", 1)[0]
    return [
        Step(what, f"SET LOCAL default_tablespace = {literal(index.tablespace)}"),
        Step(what, made),
        Step(what, "SET LOCAL default_tablespace = ''"),
        *(
            Step(what, f"ALTER INDEX {schema}.{name} ALTER COLUMN {number} SET STATISTICS {target}")
            for number, target in index.targets
        ),
    ]


def give_back(connection: "psycopg.Connection[Any]", new: NewTable, around: Dependents, prefix: str) -> None:
    """Give names back, which are free once the old table is gone, and make again what hangs on the table's name."""
    schema = identifier(new.schema)
    for number, index in enumerate(around.indexes):
        sql = f"ALTER INDEX {schema}.{prefix}_{number} RENAME TO {identifier(index.name)}"
        run(connection, new, [Step(f"index {index.name}", sql)])
    for number, statistics in enumerate(around.statistics):
        name = f"{schema}.{prefix}_s{number}"
        steps = [f"ALTER STATISTICS {name} RENAME TO {identifier(statistics.name)}"]
        if statistics.schema != new.schema:
            moved = f"{schema}.{identifier(statistics.name)}"
            steps.append(f"ALTER STATISTICS {moved} SET SCHEMA {identifier(statistics.schema)}")
        if statistics.owner:
            moved = f"{identifier(statistics.schema)}.{identifier(statistics.name)}"
            steps.append(f"ALTER STATISTICS {moved} OWNER TO {statistics.owner}")
        run(connection, new, (Step(f"statistics {statistics.name}", sql) for sql in steps))
    run(connection, new, around.after)


def check_same(new: NewTable, before: Dependents, now: Dependents) -> None:
    """Compare what was read before with what is there now.

    :raises TransientError: somebody changed something in between, or it did not come back.
    """
    if before != now:
        missing = sorted({step.what for step in before.after} - {step.what for step in now.after})
        raise TransientError(
            f"table {new.name}: what depends on it changed while it was being loaded"
            f"{': ' + ', '.join(missing) if missing else ''}; nothing was replaced; try again"
        )


def ensure_returned(new: NewTable, before: Dependents, now: Dependents) -> None:
    """Compare what the old table had with what the new one has, as a last look before the transaction ends.

    :raises DataError: something did not come back.
    """
    lost = [name for name in ("kind", "options", "collations") if getattr(before, name) != getattr(now, name)]
    for name in ("dressing", "indexes", "statistics", "after"):
        there = getattr(now, name)
        lost += [getattr(item, "what", None) or item.name for item in getattr(before, name) if item not in there]
    if lost:
        raise DataError(
            f"table {new.name} cannot be replaced, because the new table did not get back:"
            f" {', '.join(dict.fromkeys(lost))}; drop it, or build it upon a copy of the table"
        )
