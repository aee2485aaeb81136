"""Checks that PostgreSQL answers by itself: row counts, rules, keys."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl import column_encoding
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.keys import survives
from baton_workloads.etl.manifest import Column, Manifest
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.source import qualified
from baton_workloads.etl.warehouses.postgres.conditions import condition

if TYPE_CHECKING:
    import psycopg

HAS_KEY = """
SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = to_regclass(%s) AND i.indisprimary AND i.indisvalid)
"""


@dataclass(frozen=True)
class Check:
    """One check in words, and how many rows broke it.

    :param said: what is said of those instead of their number.
    """

    what: str
    broken: int = 0
    said: str = ""

    @property
    def passed(self) -> bool:
        """Say whether no row broke it."""
        return self.broken == 0

    @property
    def detail(self) -> str:
        """Give the number of broken rows in words."""
        return self.said or f" ({self.broken} rows break it)"


def rows_and_rules(
    connection: "psycopg.Connection[Any]", raw: Manifest, made: Manifest, policy: Policy
) -> tuple[list[Check], list[Check]]:
    """Count rows and broken rules in one pass over the table.

    :returns: the checks of rows and columns, and those of rules.
    """
    rules = _violations(raw, made, policy)
    counts = ", ".join(["count(*)", *(f"count(*) FILTER (WHERE {broken})" for _, broken in rules)])
    found = connection.execute(f"SELECT {counts} FROM {qualified(made.target)}".encode()).fetchone()  # noqa: S608
    if found is None:
        raise DataError(f"{made.target} gave no count")
    rows, *broken = found
    shape = [
        Check(f"processed rows {made.rows} = raw rows {raw.rows}", abs(made.rows - raw.rows)),
        Check(f"warehouse rows {rows} = processed rows {made.rows}", abs(rows - made.rows)),
        Check("columns are the policy's", len(_columns(connection, made.target) ^ {c.name for c in made.columns})),
    ]
    return shape, [Check(what, count) for (what, _), count in zip(rules, broken, strict=True)]


def _violations(raw: Manifest, made: Manifest, policy: Policy) -> list[tuple[str, str]]:
    sources: dict[str, Column] = {column.name: column for column in raw.columns}
    rules = []
    for column in made.columns:
        rule = policy.rule(column.name)
        violation = rule.violation(sources[column.name])
        if violation is not None:
            rules.append((f"{column.name} obeys {rule.rule}", condition(violation, column)))
        unheld = column_encoding.unheld(column)
        if unheld is not None:
            rules.append((f"{column.name} holds what its files can hold", unheld))
    return rules


def _columns(connection: "psycopg.Connection[Any]", table: str) -> set[str]:
    rows = connection.execute(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (qualified(table),),
    )
    return {row[0] for row in rows}


def unique_keys(connection: "psycopg.Connection[Any]", made: Manifest, policy: Policy) -> list[Check]:
    """Check that the source's keys are keys of the warehouse's table; a valid primary key is proof by itself."""
    results = []
    table = qualified(made.target)
    for key in [made.keys.primary, *made.keys.unique]:
        if not survives(key, policy):
            continue
        what = f"key ({', '.join(key)}) is unique"
        if key == made.keys.primary and _one(connection, HAS_KEY, (table,)):
            results.append(Check(what))
            continue
        names = ", ".join(identifier(name) for name in key)
        filled = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in key)
        query = (
            f"SELECT count(*) FROM (SELECT FROM {table} WHERE {filled}"  # noqa: S608
            f" GROUP BY {names} HAVING count(*) > 1) doubled"
        )
        results.append(Check(what, _one(connection, query)))
    return results


def foreign_keys(
    connection: "psycopg.Connection[Any]",
    made: Manifest,
    policy: Policy,
    policies: dict[str, Policy],
    tables: dict[str, str],
) -> list[Check]:
    """Check that references still find their rows.

    :param policies: of the datasets that are checked together.
    :param tables: their warehouse tables.
    """
    results = []
    for key in made.keys.foreign:
        other = policies.get(key.dataset) if key.enforced else None
        if other is None or not survives(key.columns, policy) or not survives(key.references, other):
            continue
        pairs = list(zip(key.columns, key.references, strict=True))
        joined = " AND ".join(f"child.{identifier(c)} = parent.{identifier(r)}" for c, r in pairs)
        filled = " AND ".join(f"child.{identifier(c)} IS NOT NULL" for c in key.columns)
        query = (
            f"SELECT count(*) FROM {qualified(made.target)} child WHERE {filled} AND NOT EXISTS"  # noqa: S608
            f" (SELECT FROM {qualified(tables[key.dataset])} parent WHERE {joined})"
        )
        what = f"({', '.join(key.columns)}) joins {key.dataset} ({', '.join(key.references)})"
        results.append(Check(what, _one(connection, query)))
    return results


def _one(connection: "psycopg.Connection[Any]", query: str, parameters: tuple[Any, ...] | None = None) -> int:
    row = connection.execute(query.encode(), parameters).fetchone()
    return int(row[0]) if row else 0
