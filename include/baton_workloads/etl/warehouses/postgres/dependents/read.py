"""Read everything around a table."""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.warehouses.postgres.dependents import (
    indexes,
    memberships,
    privileges,
    refusal,
    settings,
    views,
)
from baton_workloads.etl.warehouses.postgres.dependents.model import Dependents, NewTable, Step

if TYPE_CHECKING:
    import psycopg

COLUMNS = "SELECT attname::text FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY 1"


def read(connection: "psycopg.Connection[Any]", new: NewTable) -> Dependents:
    """Read what is around the table that is replaced; nothing where there is no table yet.

    Read twice, the results are equal where nothing changed in between, also when the table was replaced.

    :raises DataError: something that the new table cannot get back.
    """
    found = connection.execute("SELECT to_regclass(%s)::oid::bigint", (new.name,)).fetchone()
    if found is None or found[0] is None:
        return Dependents()
    oid = int(found[0])
    refusal.check_kind(connection, new, oid)
    above = views.read(connection, oid)
    vanished = [row[0] for row in connection.execute(COLUMNS, (oid,)) if row[0] not in new.types]
    refusal.check(connection, new, oid, [view[0] for view in above], vanished)
    key, gone = indexes.primary_key(connection, oid, new)
    own = settings.read(connection, oid, new, bool(key))
    freed, bound = memberships.sequences(connection, oid, new)
    made_again = [step for view in above for step in views.steps(connection, view)]
    return Dependents(
        kind=own.kind,
        options=own.options,
        collations=own.collations,
        dressing=tuple(own.dressing),
        indexes=(*key, *indexes.read(connection, oid)),
        statistics=tuple(indexes.statistics(connection, oid)),
        before=(*freed, *(Step(f"view {view[1]}", f"DROP VIEW {view[1]}") for view in reversed(above))),
        after=(
            *privileges.steps(connection, oid, new.name, "the table", set(new.types)),
            *bound,
            *memberships.parents(connection, oid, new),
            *memberships.marks(connection, oid, new, own.replica_identity),
            *memberships.publications(connection, oid, new),
            *settings.comments(connection, oid, new, key=bool(key)),
            *made_again,
        ),
        gone=(*(f"column {name}" for name in vanished), *gone),
        oid=oid,
    )
