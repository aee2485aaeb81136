"""What a table belongs to, and what belongs to it by name: parents, publications, sequences, marks."""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.engine import identifier
from baton_workloads.etl.warehouses.postgres.dependents.model import NewTable, Step

if TYPE_CHECKING:
    import psycopg

PARENTS = """
SELECT i.inhparent::regclass::text, CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhrelid = %(oid)s ORDER BY i.inhseqno
"""

PUBLICATIONS = """
SELECT p.pubname::text, pg_get_expr(r.prqual, r.prrelid),
       ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs) ORDER BY 1)
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = %(oid)s ORDER BY 1
"""
# Before PostgreSQL 15 a publication had no conditions and no lists of columns.
OLD_PUBLICATIONS = """
SELECT p.pubname::text, NULL, '{}'::text[]
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = %(oid)s ORDER BY 1
"""
PUBLICATION_LISTS = 150000

SEQUENCES = """
SELECT d.objid::regclass::text, a.attname::text
  FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s AND d.classid = 'pg_class'::regclass
   AND d.deptype = 'a' ORDER BY 1
"""

MARKS = """
SELECT c.relname::text, i.indisclustered, i.indisreplident FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = %(oid)s AND (i.indisclustered OR i.indisreplident) ORDER BY 1
"""


def parents(connection: "psycopg.Connection[Any]", oid: int, new: NewTable) -> list[Step]:
    """Give what makes the table a partition or an heir again."""
    found = []
    for parent, bound in connection.execute(PARENTS, {"oid": oid}):
        if bound:
            sql = f"ALTER TABLE {parent} ATTACH PARTITION {new.name} {bound}"
            found.append(Step(f"partition of {parent}", sql))
        else:
            found.append(Step(f"inheritance from {parent}", f"ALTER TABLE {new.name} INHERIT {parent}"))
    return found


def publications(connection: "psycopg.Connection[Any]", oid: int, new: NewTable) -> list[Step]:
    """Give what puts the table into its publications again."""
    found = []
    query = PUBLICATIONS if connection.info.server_version >= PUBLICATION_LISTS else OLD_PUBLICATIONS
    for name, condition, columns in connection.execute(query, {"oid": oid}):
        listed = f" ({', '.join(identifier(column) for column in columns)})" if columns else ""
        where = f" WHERE ({condition})" if condition else ""
        sql = f"ALTER PUBLICATION {identifier(name)} ADD TABLE ONLY {new.name}{listed}{where}"
        found.append(Step(f"publication {name}", sql))
    return found


def sequences(connection: "psycopg.Connection[Any]", oid: int, new: NewTable) -> tuple[list[Step], list[Step]]:
    """Give what takes sequences out of the old table's hands, and what puts them into the new one's."""
    owned = connection.execute(SEQUENCES, {"oid": oid}).fetchall()
    freed = [Step(f"sequence {name}", f"ALTER SEQUENCE {name} OWNED BY NONE") for name, _ in owned]
    bound = [
        Step(f"sequence {name}", f"ALTER SEQUENCE {name} OWNED BY {new.name}.{identifier(column)}")
        for name, column in owned
        if column in new.types
    ]
    return freed, bound


def marks(connection: "psycopg.Connection[Any]", oid: int, new: NewTable, identity: str) -> list[Step]:
    """Give what marks the index to cluster by and the replica identity."""
    found = []
    if identity in {"f", "n"}:
        how = "FULL" if identity == "f" else "NOTHING"
        found.append(Step("replica identity", f"ALTER TABLE {new.name} REPLICA IDENTITY {how}"))
    for index, clustered, replica in connection.execute(MARKS, {"oid": oid}):
        if clustered:
            found.append(Step("mark to cluster by", f"ALTER TABLE {new.name} CLUSTER ON {identifier(index)}"))
        if replica:
            sql = f"ALTER TABLE {new.name} REPLICA IDENTITY USING INDEX {identifier(index)}"
            found.append(Step("replica identity", sql))
    return found
