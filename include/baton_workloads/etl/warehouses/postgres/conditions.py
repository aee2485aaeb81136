"""When a row of a PostgreSQL table breaks a rule."""

from baton_workloads.etl import column_encoding
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import FLOATS
from baton_workloads.etl.rules.violations import (
    Differs,
    Filled,
    HasNotForm,
    NoMultiple,
    Uncarried,
    Violation,
    WithinPeriod,
)


def condition(violation: Violation, column: Column) -> str:
    """Give the condition.

    :param column: the warehouse's.
    """
    name = identifier(column.name)
    match violation:
        case Filled():
            return f"{name} IS NOT NULL"
        case Differs(text):
            return f"{name} IS DISTINCT FROM {literal(text)}::{column.type}"
        case HasNotForm(pattern):
            return f"{name} !~ {literal(pattern)}"
        case WithinPeriod(period):
            local = f"({name} AT TIME ZONE 'UTC')" if column.udt == "timestamptz" else f"{name}::timestamp"
            return f"isfinite({name}) AND {local} <> date_trunc('{period}', {local})"
        case NoMultiple(step):
            return _no_multiple(name, column, step)
        case Uncarried():
            return column_encoding.unheld(column) or "false"


def _no_multiple(name: str, column: Column, step: str) -> str:
    if column.udt not in FLOATS:
        return f"{name}::numeric % {step} <> 0"
    kind = "real" if column.udt == "float4" else "double precision"
    nearest = f"(round({name}::double precision / {step}::double precision) * {step})::{kind}"
    return f"{name} NOT IN ('Infinity', '-Infinity', 'NaN') AND {name} <> {nearest}"
