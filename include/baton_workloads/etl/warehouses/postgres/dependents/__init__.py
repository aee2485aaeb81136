"""Dependents: what people have attached to a warehouse table survives the load that replaces the table.

A load makes a new table and drops the old one, to which PostgreSQL ties views, grants, indexes, comments, settings and
much more. Everything that PostgreSQL's catalogue knows to depend on the old table is read before, and either made again
in the same transaction or refused by name before anything is changed. What this package does not know is refused, too.

- ``read``: what there is, as SQL that makes it again;
- ``refusal``: what cannot be made again;
- ``settings``, ``indexes``, ``views``, ``privileges``, ``memberships``: one module for each kind.
"""

from baton_workloads.etl.warehouses.postgres.dependents.model import Dependents, NewTable, Step
from baton_workloads.etl.warehouses.postgres.dependents.read import read
from baton_workloads.etl.warehouses.postgres.dependents.replay import (
    build_indexes,
    check_same,
    dress,
    ensure_returned,
    give_back,
    run,
)

__all__ = [
    "Dependents",
    "NewTable",
    "Step",
    "build_indexes",
    "check_same",
    "dress",
    "ensure_returned",
    "give_back",
    "read",
    "run",
]
