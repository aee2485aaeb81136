"""Owner and grants of a table or view, exactly: default privileges that somebody revoked stay revoked."""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.warehouses.postgres.dependents.model import Step

if TYPE_CHECKING:
    import psycopg

OWNER = """
SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class
 WHERE oid = %(oid)s AND pg_get_userbyid(relowner) <> current_user
"""

# Whom a table gets privileges for that the loading role makes. They are taken away first.
DEFAULTS = """
SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
  FROM pg_default_acl d, aclexplode(d.defaclacl) a, pg_class c
 WHERE c.oid = %(oid)s AND d.defaclobjtype = 'r' AND d.defaclrole = current_user::regrole
   AND d.defaclnamespace IN (0, c.relnamespace) AND a.grantee NOT IN (d.defaclrole, c.relowner)
 ORDER BY 1
"""

# Those of the owner, where it has not all of them; those that it gave; those that others passed on, in their order.
GRANTS = """
WITH grants AS (
    SELECT a.*, NULL::name AS attname, c.relowner, 0 AS place
      FROM pg_class c, aclexplode(c.relacl) WITH ORDINALITY a(grantor, grantee, privilege_type, is_grantable, number)
     WHERE c.oid = %(oid)s
       AND (a.grantee <> c.relowner OR c.relowner IN (SELECT oid FROM limited))
    UNION ALL
    SELECT a.*, t.attname, c.relowner, 1
      FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped,
           aclexplode(t.attacl) WITH ORDINALITY a(grantor, grantee, privilege_type, is_grantable, number)
     WHERE c.oid = %(oid)s
)
SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
       is_grantable, attname::text, CASE WHEN grantor <> relowner THEN quote_ident(pg_get_userbyid(grantor)) END
  FROM grants ORDER BY grantor <> relowner, place, number
"""
LIMITED = """
limited AS (
    SELECT c.relowner AS oid FROM pg_class c
     WHERE c.oid = %(oid)s AND c.relacl IS NOT NULL AND EXISTS (
       SELECT a.privilege_type FROM aclexplode(acldefault('r', c.relowner)) a WHERE a.grantee = c.relowner
       EXCEPT SELECT a.privilege_type FROM aclexplode(c.relacl) a WHERE a.grantee = c.relowner)
)
"""


def steps(
    connection: "psycopg.Connection[Any]", oid: int, name: str, what: str, columns: set[str] | None = None
) -> list[Step]:
    """Give what restores owner and grants.

    :param columns: those that still exist; None for all.
    """
    from baton_workloads.etl.engine import identifier

    facts = {"oid": oid}
    found = [
        Step(f"owner of {what}", f"ALTER TABLE {name} OWNER TO {row[0]}") for row in connection.execute(OWNER, facts)
    ]
    grants = connection.execute(GRANTS.replace("WITH ", f"WITH {LIMITED.strip()}, ", 1), facts).fetchall()
    away = [row[0] for row in connection.execute(DEFAULTS, facts)]
    away += [row[0] for row in connection.execute(f"WITH {LIMITED} {_OWNER_OF_LIMITED}", facts)]
    found += [Step(f"grants on {what}", f"REVOKE ALL ON {name} FROM {role}") for role in away]
    for privilege, grantee, grantable, column, grantor in grants:
        if column is not None and columns is not None and column not in columns:
            continue
        on = f" ({identifier(column)})" if column else ""
        sql = f"GRANT {privilege}{on} ON {name} TO {grantee}{' WITH GRANT OPTION' if grantable else ''}"
        found.append(Step(f"grants on {what}", f"SET LOCAL ROLE {grantor}; {sql}; RESET ROLE" if grantor else sql))
    return found


_OWNER_OF_LIMITED = "SELECT quote_ident(pg_get_userbyid(oid)) FROM limited"
