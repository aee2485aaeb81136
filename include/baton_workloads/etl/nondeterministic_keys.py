"""Foreign keys whose columns compare loosely: ``citext``, or a collation that takes different texts for equal.

In the warehouse they are plain text: what joins in the source only because case does not count there joins no more. So
each row's exact value is looked for before anything is copied.
"""

from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.keys import survives
from baton_workloads.etl.manifest import ForeignKey
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.source import Table, qualified

if TYPE_CHECKING:
    import psycopg

LOOSE = """
SELECT a.attname::text, base.typname = 'citext'
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_type base ON base.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_collation c ON c.oid = a.attcollation
 WHERE a.attrelid = %s::oid AND a.attname = ANY (%s)
   AND (base.typname = 'citext' OR NOT coalesce((to_jsonb(c) ->> 'collisdeterministic')::boolean, true))
"""


def check_loose_keys(
    connection: "psycopg.Connection[Any]", table: Table, policy: Policy, policies: dict[str, Policy]
) -> None:
    """Refuse rows whose foreign key meets a row that is only loosely equal.

    :raises DataError: there are such rows, and the policies keep both ends; the message names the key.
    """
    for key in table.keys.foreign:
        other = policies[key.dataset]
        if not key.enforced or not survives(key.columns, policy) or not survives(key.references, other):
            continue
        loose = _loose(connection, table, key, policy)
        if loose and connection.execute(_torn(policy, other, key, loose).encode()).fetchone() == (True,):
            columns = ", ".join(f"{policy.dataset}.{column}" for column in sorted(loose))
            references = ", ".join(f"{key.dataset}.{reference}" for reference in key.references)
            raise DataError(
                f"policies: {columns} references {references} without regard to case or accents, and some values are"
                " spelt differently there: they would not join in the warehouse. Give both ends of a citext column the"
                " rule pseudonym with the same domain, or name views that spell them alike as the policies' sources"
            )


def _loose(connection: "psycopg.Connection[Any]", table: Table, key: ForeignKey, policy: Policy) -> set[str]:
    """The key's columns that compare loosely; what is keyed is made of a citext's lower case."""
    found = connection.execute(LOOSE, (table.oid, key.columns)).fetchall()
    return {name for name, is_citext in found if not (is_citext and policy.rule(name).keyed)}


def _torn(policy: Policy, other: Policy, key: ForeignKey, loose: set[str]) -> str:
    """Give the query for whether a row meets none that is equal letter by letter."""
    pairs = list(zip(key.columns, key.references, strict=True))
    present = " AND ".join(f"c.{identifier(column)} IS NOT NULL" for column in key.columns)
    same = " AND ".join(
        f'c.{identifier(column)}::text COLLATE "C" = p.{identifier(reference)}::text COLLATE "C"'
        if column in loose
        else f"c.{identifier(column)} = p.{identifier(reference)}"
        for column, reference in pairs
    )
    return (
        f"SELECT EXISTS (SELECT FROM {qualified(policy.source)} c WHERE {present}"  # noqa: S608
        f" AND NOT EXISTS (SELECT FROM {qualified(other.source)} p WHERE {same}))"
    )
