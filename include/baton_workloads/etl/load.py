"""Load: bring one dataset's processed files into the warehouse."""

import time
from typing import Any

from baton_workloads.environment import required
from baton_workloads.etl import manifest
from baton_workloads.etl.warehouses.base import Load
from baton_workloads.etl.warehouses.by_address import loader_for


def load(uri: str, *, accept_key_change: bool = False, accept_source_change: bool = False) -> dict[str, Any]:
    """Replace the dataset's table by what the manifest names.

    :returns: the stage's result; its outcome is ``loaded``, ``already_loaded`` or ``newer_present``.
    """
    started = time.monotonic()
    loader = loader_for(required("BATON_WAREHOUSE_DSN"))
    made, digest = manifest.read(uri, "transform")
    outcome = loader.load(Load(uri, made, digest, accept_key_change, accept_source_change))
    return {
        "stage": "load",
        "dataset": made.dataset,
        "manifest": uri,
        "rows": made.rows,
        "outcome": outcome,
        "seconds": round(time.monotonic() - started, 3),
    }
