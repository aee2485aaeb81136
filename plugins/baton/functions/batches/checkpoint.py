"""What a batch task has done, kept where the next try finds it.

It is written after the function's answer and before nothing else: a kill in between makes the next try send these
batches again, under the same idempotency keys.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from baton.exceptions import PermanentError
from baton.functions.batches.folder import Folder
from baton.functions.batches.items import ItemsFile
from baton.functions.batches.number_set import NumberSet

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

KEY = "function_batches"
LARGEST_STATE_BYTES = 48 * 1024
"""Airflow warns at 64 KB. What is longer goes into the task's folder, and the state store holds its address."""
WRITE_SECONDS = 1.0


@dataclass
class Checkpoint:
    """The progress of one task.

    :param done: batches with an answer.
    :param with_failures: those of them whose answer names failed items; the items are in files of their own.
    :param failed_items: in those files.
    """

    items: ItemsFile
    batch_size: int
    done: NumberSet = field(default_factory=NumberSet)
    with_failures: NumberSet = field(default_factory=NumberSet)
    failed_items: int = 0

    def serialize(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "items": vars(self.items),
            "batch_size": self.batch_size,
            "done": str(self.done),
            "with_failures": str(self.with_failures),
            "failed_items": self.failed_items,
        }

    @classmethod
    def deserialize(cls, stored: dict[str, Any]) -> Checkpoint:
        """Read what `serialize` wrote."""
        done, failures = NumberSet.parse(stored["done"]), NumberSet.parse(stored["with_failures"])
        return cls(ItemsFile(**stored["items"]), stored["batch_size"], done, failures, stored["failed_items"])


class Checkpoints:
    """The task's checkpoint in Airflow's task state store. Blocks."""

    def __init__(self, store: TaskStateStoreAccessor, folder: Folder) -> None:
        self._store, self._folder = store, folder
        self._turn = 0

    def read(self) -> Checkpoint | None:
        """Return the last one.

        :raises PermanentError: it was moved into the folder, and is gone from there or was changed.
        """
        stored: Any = self._store.get(KEY)
        if not stored:
            return None
        if "uri" in stored:
            content = self._folder.read(stored["uri"])
            if hashlib.sha256(content).hexdigest() != stored["sha256"]:
                raise PermanentError(f"{stored['uri']} is not the checkpoint that was written there")
            stored = json.loads(content)
        return Checkpoint.deserialize(stored)

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace it."""
        stored = checkpoint.serialize()
        content = json.dumps(stored).encode()
        if len(content) > LARGEST_STATE_BYTES:
            self._turn = 1 - self._turn  # the one that the state store names now is not overwritten
            uri = self._folder.address(f"checkpoint-{self._turn}.json")
            self._folder.write(uri, content)
            stored = {"uri": uri, "sha256": hashlib.sha256(content).hexdigest()}
        self._store.set(KEY, stored)

    def forget(self) -> None:
        """Forget it: the task has ended well, and a later run of it begins anew."""
        self._store.delete(KEY)


class CheckpointWriter:
    """Writes a checkpoint while it grows, at most once a second: each write is a request to Airflow's API server.

    :param forget: removes the posted answer to a batch, under its key; only after the batch was noted as done, so that
        a kill in between loses none. Blocks.
    """

    def __init__(
        self, checkpoints: Checkpoints, checkpoint: Checkpoint, forget: Callable[[str], None] = lambda _: None
    ) -> None:
        self._checkpoints, self._checkpoint, self._forget = checkpoints, checkpoint, forget
        self._answered: list[str] = []
        self._written_at = time.monotonic()
        self._lock = asyncio.Lock()

    async def note(self, key: str) -> None:
        """Write it if it is time; the batch of this key is done."""
        self._answered.append(key)
        if not self._lock.locked() and time.monotonic() - self._written_at > WRITE_SECONDS:
            await self.write()

    async def write(self) -> None:
        """Write it now."""
        async with self._lock:
            self._written_at = time.monotonic()
            answered, self._answered = self._answered, []
            await asyncio.to_thread(self._write, answered)

    def _write(self, answered: list[str]) -> None:
        self._checkpoints.write(self._checkpoint)
        for key in answered:
            self._forget(key)
