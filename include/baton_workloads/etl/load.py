"""Load: bring one dataset's processed files into the warehouse."""

import time
from typing import Any

from baton_workloads.environment import required
from baton_workloads.etl import manifest
from baton_workloads.etl.warehouses.base import Load, Outcome, Warehouse
from baton_workloads.etl.warehouses.by_address import warehouse_for
from baton_workloads.etl.warehouses.decision import decide
from baton_workloads.progress import say


def load(uri: str, *, accept_key_change: bool = False, accept_source_change: bool = False) -> dict[str, Any]:
    """Replace the dataset's table by what the manifest names.

    :returns: the stage's result; its outcome is ``loaded``, ``already_loaded`` or ``newer_present``.
    """
    started = time.monotonic()
    warehouse = warehouse_for(required("BATON_WAREHOUSE_DSN"))
    made, digest = manifest.read(uri, "transform")
    outcome = _replace(warehouse, Load(uri, made, digest, accept_key_change, accept_source_change))
    return {
        "stage": "load",
        "dataset": made.dataset,
        "manifest": uri,
        "rows": made.rows,
        "outcome": outcome,
        "seconds": round(time.monotonic() - started, 3),
    }


def _replace(warehouse: Warehouse, load: Load) -> Outcome:
    """Replace the dataset's table, unless what is loaded says that there is nothing to do."""
    dataset = load.manifest.dataset
    with warehouse.replacing(dataset) as table:
        entry = table.entry()
        outcome = decide(load, entry)
        if outcome == "loaded":
            table.replace(load, entry)
    if outcome == "newer_present":
        say(f"load {dataset}: the warehouse holds a newer snapshot; nothing was changed")
    return outcome
