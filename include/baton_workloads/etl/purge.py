"""Purge: raw files are personal data and go as soon as a run is validated. Manifests stay; they hold no values."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError
from baton_workloads.etl import manifest
from baton_workloads.storage import join, store_for

FORGOTTEN_AFTER = timedelta(days=1)


def purge_raw(uris: list[str]) -> dict[str, Any]:
    """Remove the files of the given raw manifests, and older files that no manifest names (of stages that were killed).

    :returns: the stage's result with the number of files and bytes removed.
    :raises ConfigurationError: a manifest lies outside BATON_RAW_URI.
    """
    started = time.monotonic()
    root = required("BATON_RAW_URI").rstrip("/")
    store = store_for(root)
    validated: set[str] = set()
    for uri in uris:
        if not uri.startswith(f"{root}/"):
            raise ConfigurationError(f"{uri} does not lie below BATON_RAW_URI {root}; nothing was removed")
        validated |= _named(uri)
    present = {item.uri: item for item in store.objects(root)}
    named: set[str] = set()
    for uri in present:
        if uri.endswith(f"/{manifest.NAME}"):
            named |= _named(uri)
    oldest = datetime.now(UTC) - FORGOTTEN_AFTER
    forgotten = {
        uri
        for uri, item in present.items()
        if uri not in named and not uri.endswith(f"/{manifest.NAME}") and item.modified < oldest
    }
    doomed = sorted((validated & set(present)) | forgotten)
    store.delete(doomed)
    return {
        "stage": "purge_raw",
        "files": len(doomed),
        "bytes": sum(present[uri].size_bytes for uri in doomed),
        "forgotten_files": len(forgotten),
        "seconds": round(time.monotonic() - started, 3),
    }


def _named(uri: str) -> set[str]:
    raw, _ = manifest.read(uri, "export")
    return {join(uri.rsplit("/", 1)[0], file.path) for file in raw.files}
