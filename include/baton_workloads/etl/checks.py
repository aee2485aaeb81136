"""Checks that a warehouse answers by itself: row counts, rules, keys."""

from dataclasses import dataclass

from baton_workloads.etl import column_encoding
from baton_workloads.etl.keys import survives
from baton_workloads.etl.manifest import Column, Manifest
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules.violations import Uncarried, Violation
from baton_workloads.etl.warehouses.base import Reading


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
    warehouse: Reading, raw: Manifest, made: Manifest, policy: Policy
) -> tuple[list[Check], list[Check]]:
    """Count rows and broken rules in one pass over the table.

    :returns: the checks of rows and columns, and those of rules.
    """
    rules = _violations(raw, made, policy)
    rows, broken = warehouse.count(made.target, [(column, violation) for _, column, violation in rules])
    shape = [
        Check(f"processed rows {made.rows} = raw rows {raw.rows}", abs(made.rows - raw.rows)),
        Check(f"warehouse rows {rows} = processed rows {made.rows}", abs(rows - made.rows)),
        Check("columns are the policy's", len(warehouse.columns(made.target) ^ {c.name for c in made.columns})),
    ]
    return shape, [Check(what, count) for (what, _, _), count in zip(rules, broken, strict=True)]


def _violations(raw: Manifest, made: Manifest, policy: Policy) -> list[tuple[str, Column, Violation]]:
    sources: dict[str, Column] = {column.name: column for column in raw.columns}
    rules: list[tuple[str, Column, Violation]] = []
    for column in made.columns:
        rule = policy.rule(column.name)
        violation = rule.violation(sources[column.name])
        if violation is not None:
            rules.append((f"{column.name} obeys {rule.rule}", column, violation))
        if column_encoding.guarded(column):
            rules.append((f"{column.name} holds what its files can hold", column, Uncarried()))
    return rules


def unique_keys(warehouse: Reading, made: Manifest, policy: Policy) -> list[Check]:
    """Check that the source's keys are keys of the warehouse's table."""
    return [
        Check(
            f"key ({', '.join(key)}) is unique",
            warehouse.count_doubled(made.target, key, is_primary=key == made.keys.primary),
        )
        for key in [made.keys.primary, *made.keys.unique]
        if survives(key, policy)
    ]


def foreign_keys(
    warehouse: Reading, made: Manifest, policy: Policy, policies: dict[str, Policy], tables: dict[str, str]
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
        what = f"({', '.join(key.columns)}) joins {key.dataset} ({', '.join(key.references)})"
        orphans = warehouse.count_orphans(made.target, key.columns, tables[key.dataset], key.references)
        results.append(Check(what, orphans))
    return results
