"""Keys of the source: read from its catalog, kept by a policy or not."""

from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.manifest import ForeignKey, Keys
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules.pseudonym import Pseudonym

if TYPE_CHECKING:
    import psycopg

# Only what the source really enforces: constraints that were validated, one row for each, columns in the key's order.
CONSTRAINTS = """
SELECT c.contype::text, c.confrelid::bigint,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY k.place),
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY k.place)
  FROM pg_constraint c
 WHERE c.conrelid = %s AND c.contype IN ('p', 'u', 'f') AND c.convalidated AND NOT c.condeferrable
 ORDER BY c.contype, c.conname
"""


def read_keys(connection: "psycopg.Connection[Any]", oid: int, datasets: dict[int, str]) -> Keys:
    """Read a table's keys.

    :param datasets: the run's datasets by their table's oid; references to other tables are left out.
    """
    primary: list[str] = []
    unique, foreign = [], []
    for kind, referenced, columns, references in connection.execute(CONSTRAINTS, (oid,)):
        if kind == "p":
            primary = columns
        elif kind == "u":
            unique.append(columns)
        elif referenced in datasets:
            foreign.append(ForeignKey(columns=columns, dataset=datasets[referenced], references=references))
    return Keys(primary=primary, unique=unique, foreign=foreign)


def survives(columns: list[str], policy: Policy) -> bool:
    """Say whether unique values stay unique and equal ones equal in all of the columns."""
    return bool(columns) and all(policy.rule(column).keeps_keys for column in columns)


def check_joins(keys: Keys, policy: Policy, policies: dict[str, Policy]) -> None:
    """Refuse a policy that keeps both ends of a foreign key but tears them apart.

    :raises DataError: one end is kept as it is and the other a pseudonym, or the domains differ.
    """
    for key in keys.foreign:
        other = policies[key.dataset]
        if not survives(key.columns, policy) or not survives(key.references, other):
            continue
        for column, reference in zip(key.columns, key.references, strict=True):
            if _domain(policy, column) != _domain(other, reference):
                raise DataError(
                    f"policies: {policy.dataset}.{column} references {key.dataset}.{reference}, but their rules differ,"
                    " so they would not join; give both keep, or pseudonym with the same domain (or null)"
                )


def _domain(policy: Policy, column: str) -> str | None:
    rule = policy.rule(column)
    return rule.domain if isinstance(rule, Pseudonym) else None
