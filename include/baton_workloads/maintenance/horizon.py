"""Why a vacuum leaves dead rows: somebody may still look at them.

Source: PostgreSQL, "Routine Vacuuming"; ComputeXidHorizons in procarray.c
"""

from typing import TYPE_CHECKING, Any

from baton_workloads.maintenance.blockers import Blocker, Prepared, Session, Slot

if TYPE_CHECKING:
    import psycopg

SHOWN = 3

# What holds rows of this database's tables: its own sessions and prepared transactions, and what stands in for a
# standby, which belongs to no database. A slot's catalog_xmin holds rows of catalogs only.
SESSIONS = """
SELECT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown'), a.xact_start,
       coalesce(a.state, a.backend_type, 'unknown'), greatest(age(a.backend_xmin), age(a.backend_xid))
  FROM pg_stat_activity a
 WHERE a.pid <> pg_backend_pid() AND (a.datname = current_database() OR a.datname IS NULL)
   AND a.backend_type <> 'autovacuum worker' AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
"""
PREPARED = """
SELECT gid, owner::text, prepared, age(transaction) FROM pg_prepared_xacts WHERE database = current_database()
"""
SLOTS = "SELECT slot_name::text, active, age(xmin) FROM pg_replication_slots WHERE xmin IS NOT NULL"


def holders(connection: "psycopg.Connection[Any]") -> list[Blocker]:
    """List what may still look at rows that are dead for everybody else, the oldest first, at most ``SHOWN``."""
    found: list[tuple[int, Blocker]] = [(age, Session(*row)) for *row, age in connection.execute(SESSIONS)]
    found += [(age, Prepared(*row)) for *row, age in connection.execute(PREPARED)]
    found += [(age, Slot(*row)) for *row, age in connection.execute(SLOTS)]
    return [blocker for _, blocker in sorted(found, key=lambda pair: -pair[0])[:SHOWN]]
