"""What a new table cannot get back: named kinds, and every dependent object that no module here knows."""

from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.warehouses.postgres.dependents.model import NewTable

if TYPE_CHECKING:
    import psycopg

KINDS = {"v": "view", "m": "materialised view", "p": "partitioned table", "f": "foreign table", "S": "sequence"}

# Named in our words, with the object's address so that it is not named twice.
NAMED = """
SELECT 'trigger ' || tgname, 'pg_trigger'::regclass::oid, oid
  FROM pg_trigger WHERE tgrelid = ANY (%(relations)s::oid[]) AND NOT tgisinternal
UNION ALL SELECT 'row security policy ' || polname, 'pg_policy'::regclass, oid
  FROM pg_policy WHERE polrelid = ANY (%(relations)s::oid[])
UNION ALL SELECT 'row security', 0, 0
  FROM pg_class WHERE oid = ANY (%(relations)s::oid[]) AND (relrowsecurity OR relforcerowsecurity)
UNION ALL SELECT 'constraint ' || conname, 'pg_constraint'::regclass, oid
  FROM pg_constraint WHERE conrelid = ANY (%(relations)s::oid[]) AND contype NOT IN ('p', 'n')
UNION ALL SELECT 'foreign key ' || conname, 'pg_constraint'::regclass, oid
  FROM pg_constraint WHERE confrelid = ANY (%(relations)s::oid[]) AND conrelid <> ALL (%(relations)s::oid[])
UNION ALL SELECT 'rule ' || rulename, 'pg_rewrite'::regclass, oid
  FROM pg_rewrite WHERE ev_class = ANY (%(relations)s::oid[]) AND rulename <> '_RETURN'
UNION ALL SELECT 'materialised view ' || r.ev_class::regclass, 'pg_rewrite'::regclass, r.oid
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'm'
 WHERE r.ev_class = ANY (%(relations)s::oid[])
UNION ALL SELECT 'temporary view ' || c.relname, 0, 0
  FROM pg_class c WHERE c.oid = ANY (%(relations)s::oid[]) AND c.relpersistence = 't'
UNION ALL SELECT 'identity or generated column ' || attname, 0, 0
  FROM pg_attribute WHERE attrelid = %(oid)s AND NOT attisdropped AND (attidentity <> '' OR attgenerated <> '')
UNION ALL SELECT 'child ' || i.inhrelid::regclass, 'pg_class'::regclass, i.inhrelid
  FROM pg_inherits i WHERE i.inhparent = %(oid)s
UNION ALL SELECT 'partition of ' || i.inhparent::regclass || ', which is being detached', 0, 0
  FROM pg_inherits i WHERE i.inhrelid = %(oid)s AND i.inhdetachpending
UNION ALL SELECT 'subscription ' || s.subname, 0, 0
  FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid = %(oid)s
UNION ALL SELECT 'publication ' || p.pubname || ' (its subscribers would not get the new rows)',
                 'pg_publication_rel'::regclass, r.oid
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
 WHERE r.prrelid = %(oid)s AND current_setting('wal_level') = 'logical'
UNION ALL SELECT 'security label of ' || pg_describe_object(classoid, objoid, objsubid), 0, 0
  FROM pg_seclabel WHERE classoid = 'pg_class'::regclass AND objoid = ANY (%(relations)s::oid[])
UNION ALL SELECT 'tie to ' || pg_describe_object(refclassid, refobjid, 0), 0, 0
  FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_class'::regclass
   AND (objid = ANY (%(relations)s::oid[]) OR objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(oid)s))
   AND deptype IN ('e', 'x')
"""

# Everything that depends on the table, on the views above it or on their row types, and whether a module here makes
# it again. What is not listed is not known, and refused.
UNKNOWN = """
WITH types AS (
    SELECT t.oid FROM pg_type t WHERE t.typrelid = ANY (%(relations)s::oid[])
    UNION SELECT t.typarray FROM pg_type t WHERE t.typrelid = ANY (%(relations)s::oid[]) AND t.typarray <> 0
)
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid), d.classid::bigint, d.objid::bigint
  FROM pg_depend d
 WHERE (d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (%(relations)s::oid[])
        OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT oid FROM types))
   AND NOT CASE d.classid
     WHEN 'pg_class'::regclass THEN EXISTS (
       SELECT FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.oid = d.objid AND (c.oid = ANY (%(relations)s::oid[]) OR i.indrelid = %(oid)s OR c.relkind = 't'
                                   OR c.relkind = 'S' AND d.deptype = 'a'))
     WHEN 'pg_type'::regclass THEN d.objid IN (SELECT oid FROM types)
     WHEN 'pg_attrdef'::regclass THEN EXISTS (
       SELECT FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
        WHERE f.oid = d.objid AND f.adrelid = ANY (%(relations)s::oid[]) AND a.attgenerated = '')
     WHEN 'pg_constraint'::regclass THEN EXISTS (
       SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.conrelid = %(oid)s AND k.contype IN ('p', 'n'))
     WHEN 'pg_rewrite'::regclass THEN EXISTS (
       SELECT FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'
        WHERE r.oid = d.objid AND r.ev_class = ANY (%(relations)s::oid[]) AND r.rulename = '_RETURN')
     WHEN 'pg_statistic_ext'::regclass THEN EXISTS (
       SELECT FROM pg_statistic_ext s WHERE s.oid = d.objid AND s.stxrelid = %(oid)s)
     WHEN 'pg_publication_rel'::regclass THEN EXISTS (
       SELECT FROM pg_publication_rel r WHERE r.oid = d.objid AND r.prrelid = %(oid)s)
     ELSE false END
"""

# What uses a column that does not arrive any more. Defaults, grants and comments go with their column.
USES = """
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) || ', which uses column ' || a.attname
  FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s AND a.attname = ANY (%(columns)s)
   AND d.classid <> 'pg_attrdef'::regclass AND coalesce(k.contype NOT IN ('p', 'n'), true)
   AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind = 'S')
"""

# Roles whose objects are made again: the loading role must be able to act as each of them.
ROLES = """
WITH roles AS (
    SELECT relowner AS oid FROM pg_class WHERE oid = ANY (%(relations)s::oid[])
    UNION SELECT a.grantor FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = ANY (%(relations)s::oid[])
    UNION SELECT a.grantor FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = ANY (%(relations)s::oid[])
    UNION SELECT stxowner FROM pg_statistic_ext WHERE stxrelid = %(oid)s
    UNION SELECT p.pubowner FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = %(oid)s
    UNION SELECT c.relowner FROM pg_class c JOIN pg_inherits i ON i.inhparent = c.oid AND i.inhrelid = %(oid)s
)
SELECT quote_ident(pg_get_userbyid(oid)) FROM roles
 WHERE NOT pg_has_role(current_user, oid, CASE WHEN current_setting('server_version_num')::int >= 160000
                                               THEN 'SET' ELSE 'MEMBER' END)
 ORDER BY 1
"""


def check_kind(connection: "psycopg.Connection[Any]", new: NewTable, oid: int) -> None:
    """Refuse a target that is no ordinary table.

    :raises DataError: it is a view, a partitioned table or the like.
    """
    row = connection.execute("SELECT relkind::text FROM pg_class WHERE oid = %s", (oid,)).fetchone()
    if row is not None and row[0] != "r":
        raise DataError(
            f"{new.name} is a {KINDS.get(row[0], 'relation of another kind')}, which no load replaces;"
            " drop it, or give the policy another target"
        )


def check(
    connection: "psycopg.Connection[Any]", new: NewTable, oid: int, views: list[int], vanished: list[str]
) -> None:
    """Refuse what would be lost.

    :param vanished: columns of the old table that the new one has not.
    :raises DataError: naming everything that is in the way.
    """
    facts = {"oid": oid, "relations": [oid, *views], "columns": vanished}
    named = connection.execute(NAMED, facts).fetchall()
    known = {(classid, objid) for _, classid, objid in named}
    wrong = [name for name, _, _ in named]
    unknown = connection.execute(UNKNOWN, facts).fetchall()
    wrong += [name for name, classid, objid in unknown if (classid, objid) not in known]
    if new.same_policy:
        wrong += [f"column {name}, which is not in the policy" for name in vanished]
    wrong += [row[0] for row in connection.execute(USES, facts)]
    refuse(new, wrong)
    roles = [row[0] for row in connection.execute(ROLES, facts)]
    if roles:
        raise DataError(
            f"table {new.name} cannot be replaced: it, or what depends on it, belongs to or was granted by"
            f" {', '.join(roles)}; make the loading role a member of that role"
        )


def refuse(new: NewTable, wrong: list[str]) -> None:
    """Refuse what is named; nothing where nothing is.

    :raises DataError: naming it.
    """
    if wrong:
        raise DataError(
            f"table {new.name} cannot be replaced, because the new table would not get back:"
            f" {', '.join(dict.fromkeys(wrong))}; drop it, or build it upon a copy of the table"
        )
