"""What a batch task leaves behind: failed items while it runs, and a manifest at its end."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baton.functions.batches.checkpoint import Checkpoint
from baton.functions.batches.folder import Folder
from baton.functions.batches.items import Batch
from baton.functions.batches.number_set import NumberSet
from baton.functions.batches.run import Tally

MAX_ERROR_LENGTH = 500


class Results:
    """The results of one batch task in its folder. Blocks."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def keep_failures(self, batch: Batch, failures: list[dict[str, Any]]) -> None:
        """Store the failed items of one batch, each with its number and the function's word for it."""
        lines = [
            {"index": batch.first_index + each["index"], "item": batch.items[each["index"]], "error": _short(each)}
            for each in failures
        ]
        self._folder.write(self._failures_of(batch.number), "".join(json.dumps(line) + "\n" for line in lines).encode())

    def finish(self, names: dict[str, Any], checkpoint: Checkpoint, tally: Tally) -> dict[str, Any]:
        """Write the manifest, and the failed items into one file; returns the manifest with its own address."""
        unreached = sum(tally.unreached.values())
        batches = -(-checkpoint.items.count // checkpoint.batch_size)
        manifest = {
            **names,
            "items": checkpoint.items.count,
            "items_uri": checkpoint.items.uri,
            "items_sha256": checkpoint.items.sha256,
            "batches": batches,
            "batch_size": checkpoint.batch_size,
            "succeeded": _items_done(checkpoint) - checkpoint.failed_items,
            "failed": checkpoint.failed_items,
            "unreached": unreached,
            "unreached_batches": str(NumberSet(tally.unreached)),
            "failures_uri": self._join_failures(checkpoint) if checkpoint.failed_items else None,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        uri = self._folder.address("result.json")
        self._folder.write(uri, json.dumps(manifest, indent=2).encode())
        return {**manifest, "result_uri": uri}

    def _join_failures(self, checkpoint: Checkpoint) -> str:
        uri = self._folder.address("failures.jsonl")
        with tempfile.TemporaryDirectory(prefix="baton-") as directory:
            path = Path(directory) / "failures"
            with path.open("wb") as file:
                for number in checkpoint.with_failures:
                    file.write(self._folder.read(self._failures_of(number)))
            self._folder.upload(path, uri)
        return uri

    def _failures_of(self, number: int) -> str:
        return self._folder.address(f"failures/{number:08d}.jsonl")


def _short(failure: dict[str, Any]) -> str:
    return str(failure["error"])[:MAX_ERROR_LENGTH]


def _items_done(checkpoint: Checkpoint) -> int:
    count, size = checkpoint.items.count, checkpoint.batch_size
    last = -(-count // size) - 1
    missing_in_last = (last + 1) * size - count if last in checkpoint.done else 0
    return len(checkpoint.done) * size - missing_in_last
