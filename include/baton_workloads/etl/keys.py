"""Keys of the source: read from its catalog, kept by a policy or not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.manifest import ForeignKey, Keys
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.source import Table

if TYPE_CHECKING:
    import psycopg

# Of a table and all tables below it. Also keys that are checked at the end of a transaction (all of Django's foreign
# keys are): a snapshot shows ends of transactions only. Of a key over periods only the columns that have to be equal.
CONSTRAINTS = """
SELECT c.conrelid::bigint, c.contype::text, c.confrelid::bigint, c.convalidated,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
              WHERE k.place <= cardinality(c.conkey) - periods ORDER BY k.place),
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum
              WHERE k.place <= cardinality(c.confkey) - periods ORDER BY k.place)
  FROM pg_constraint c
 CROSS JOIN LATERAL (
       SELECT CASE WHEN c.contype = 'f' AND (to_jsonb(c) ->> 'conperiod')::boolean THEN 1 ELSE 0 END) p (periods)
 WHERE c.conrelid = ANY (%s::oid[]) AND c.contype IN ('p', 'u', 'f')
 ORDER BY c.contype, c.conname, c.oid
"""


@dataclass
class _Found:
    """A foreign key, which may be declared on a table and again on each of its parts."""

    key: ForeignKey
    tables: set[int]


def read_keys(connection: "psycopg.Connection[Any]", table: Table, datasets: dict[int, str]) -> Keys:
    """Read a table's keys.

    What is declared on a single part, or on a table with heirs, holds for some rows only: such a key still says what
    joins what, but nothing checks it.

    :param datasets: the run's datasets by the oids of their tables' members; references to other tables are left out.
    """
    primary: list[str] = []
    unique: list[list[str]] = []
    partial: list[list[str]] = []
    foreign: dict[tuple[Any, ...], _Found] = {}
    everywhere = set(table.row_oids)
    for oid, kind, referenced, validated, columns, references in connection.execute(
        CONSTRAINTS, (list(table.members),)
    ):
        if kind == "f":
            if referenced in datasets:
                key = ForeignKey(columns=columns, dataset=datasets[referenced], references=references)
                found = foreign.setdefault((tuple(columns), key.dataset, tuple(references)), _Found(key, set()))
                found.tables |= {oid} if validated else set()
        elif oid != table.oid or everywhere > {oid}:
            partial += [columns] if kind == "p" and columns not in partial else []
        elif kind == "p":
            primary = columns
        else:
            unique.append(columns)
    return Keys(
        primary=primary,
        unique=unique,
        partial=[key for key in partial if key != primary],
        foreign=[f.key.model_copy(update={"enforced": everywhere <= f.tables}) for f in foreign.values()],
    )


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
            if policy.rule(column).key_domain() != other.rule(reference).key_domain():
                raise DataError(
                    f"policies: {policy.dataset}.{column} references {key.dataset}.{reference}, but their rules differ,"
                    " so they would not join; give both keep, or pseudonym with the same domain (or null)"
                )
