"""Send batches, as many at a time as the gateway takes, and keep account of each.

Exactly once, as far as the protocols allow: an item is in one batch, the batch has one idempotency key and one body for
ever, and its answer is noted before the next try could send it again. A batch whose answer was lost, or not yet noted
when the task was killed, is sent again under its key: whoever applies a key once applies each item once, everybody else
at least once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from baton.functions.batches.checkpoint import Checkpoint, CheckpointWriter
from baton.functions.batches.items import Batch
from baton.functions.batches.throttle import Throttle
from baton.functions.call import RefusedError, UnavailableError, UnusableAnswerError
from baton.functions.call_retries import CallRetries

log = logging.getLogger(__name__)

_NAMESPACE = uuid.UUID("9a5de8a1-3c5b-5d0c-8f67-0d2d6b1f5a11")
HOPELESS_STATUS = (0, *range(300, 400), 401, 403, 404, 405)
"""A refusal that the next batch would get as well; any other one is about the items of this batch."""
FORM = '{"failed": [{"index": 3, "error": "…"}]}, {"failed": []} where all went well'

Send = Callable[[Batch, str], Awaitable[Any]]
"""Sends a batch under a key and returns the function's result."""
KeepFailures = Callable[[Batch, list[dict[str, Any]]], Awaitable[None]]
"""Keeps the failed items of a batch, before the batch counts as done."""


@dataclass(frozen=True)
class Limits:
    """How far a run goes.

    :param max_in_flight: batches at a time.
    :param failure_threshold: share of the items that may fail, 0 to 1.
    :param call_retries: of one batch; `seconds` also limits how long the gateway may answer nothing but "too many",
        and how long it may tell a batch to wait.
    """

    max_in_flight: int
    failure_threshold: float
    call_retries: CallRetries


@dataclass
class Tally:
    """What came of a run, beside what its checkpoint says.

    :param unreached: batches that got no answer, with the number of their items: the next try sends them again.
    """

    unreached: dict[int, int] = field(default_factory=dict)
    reason: str = ""


def batch_key(task_key: str, checkpoint: Checkpoint, number: int) -> str:
    """Return a batch's idempotency key: the same as long as the items and their batches are the same."""
    names = [task_key, checkpoint.items.sha256, checkpoint.batch_size, number]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(names)))


class BatchRun:
    """One try of a batch task."""

    def __init__(
        self,
        task_key: str,
        checkpoint: Checkpoint,
        writer: CheckpointWriter,
        send: Send,
        keep_failures: KeepFailures,
        limits: Limits,
    ) -> None:
        self._task_key, self._checkpoint, self._writer = task_key, checkpoint, writer
        self._send, self._keep_failures, self._limits = send, keep_failures, limits
        self._throttle = Throttle(limits.max_in_flight)
        self._answered_at = time.monotonic()
        self.tally = Tally()

    async def run(self, batches: Iterable[Batch]) -> Tally:
        """Send what is missing; returns when every batch has an answer or too much has failed.

        :raises RefusedError: the function refuses whatever it gets; what was done is noted.
        """
        free = asyncio.Semaphore(self._limits.max_in_flight)
        try:
            async with asyncio.TaskGroup() as tasks:
                for batch in batches:
                    await free.acquire()
                    if self.has_failed():
                        break
                    tasks.create_task(self._work(batch)).add_done_callback(lambda _: free.release())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the group says nothing more: the others were cancelled
        finally:
            await self._writer.write()
        return self.tally

    def has_failed(self) -> bool:
        """Whether more items have failed than may."""
        failed = self._checkpoint.failed_items + sum(self.tally.unreached.values())
        share = Fraction(str(self._limits.failure_threshold))  # as it is written: 0.29 * 100 is less than 29
        return failed > share * self._checkpoint.items.count

    async def _work(self, batch: Batch) -> None:
        key = batch_key(self._task_key, self._checkpoint, batch.number)
        try:
            failures = failures_of(await self._send_patiently(batch, key), len(batch.items))
        except UnavailableError as err:
            self.tally.unreached[batch.number] = len(batch.items)
            self.tally.reason = str(err)
            log.warning("Batch %d is given up for now: %s", batch.number, err)
            return
        except RefusedError as err:
            if err.status in HOPELESS_STATUS and not isinstance(err, UnusableAnswerError):
                raise
            self.tally.reason = str(err)
            log.warning("Batch %d has failed: %s", batch.number, err)
            words = f"refused with {err.status}" if err.status else "the answer to its batch cannot be used"
            failures = [{"index": at, "error": words} for at in range(len(batch.items))]
        await self._note(batch, key, failures)

    async def _note(self, batch: Batch, key: str, failures: list[dict[str, Any]]) -> None:
        if failures:
            await self._keep_failures(batch, failures)
            self._checkpoint.with_failures.add(batch.number)
            self._checkpoint.failed_items += len(failures)
        self._checkpoint.done.add(batch.number)
        await self._writer.note(key)

    async def _send_patiently(self, batch: Batch, key: str) -> Any:
        """Send until there is an answer; "too many requests" slows all batches down and counts as no failure."""
        failed, waited, call_retries = 0, 0, self._limits.call_retries
        first_failed_at: float | None = None
        while True:
            began = time.monotonic()
            try:
                async with self._throttle.slot():
                    began = time.monotonic()
                    result = await self._send(batch, key)
                self._throttle.speed_up()
                self._answered_at = time.monotonic()
                return result
            except UnavailableError as err:
                retry_after = err.retry_after_seconds or 0.0
                if err.throttled and time.monotonic() - self._answered_at + retry_after < call_retries.seconds:
                    self._throttle.slow_down(err.retry_after_seconds, began)
                    continue
                first_failed_at = first_failed_at or time.monotonic()
                starts = self._may_be_starting(err, first_failed_at)
                failed, waited = failed + (not starts), waited + starts
                pause = call_retries.pause_seconds(err, failed, waited)
                if pause is None or pause > call_retries.seconds or err.throttled:
                    raise
                await asyncio.sleep(pause)

    def _may_be_starting(self, err: UnavailableError, first_failed_at: float) -> bool:
        """Whether the function, not the batch, is the reason: nothing was answered since, and it may still come up."""
        waits = (
            time.monotonic() - first_failed_at + (err.retry_after_seconds or 0.0) < self._limits.call_retries.seconds
        )
        return err.unready and waits and self._answered_at < first_failed_at


def failures_of(result: Any, count: int) -> list[dict[str, Any]]:
    """Read which items of a batch have failed, `{"failed": [{"index": 3, "error": "…"}]}`; the others went well.

    The list may be empty, null or 0, but must be there: what says nothing of items, as an error or a proxy's page does,
    is no word for their success.

    :raises UnusableAnswerError: there is no such list, or it names items that are not in the batch.
    """
    if not isinstance(result, dict) or "failed" not in result:
        raise UnusableAnswerError(f"the function's answer to a batch is {_kind(result)}: it must be {FORM}")
    failed = result["failed"]
    if failed is None or (type(failed) is int and failed == 0):
        return []
    found: dict[int, str] = {}
    for entry in failed if isinstance(failed, list) else [None]:
        index = entry.get("index") if isinstance(entry, dict) else entry
        if type(index) is not int or not 0 <= index < count:
            raise UnusableAnswerError(f"the function's answer names failed items otherwise than {FORM}")
        found[index] = str(entry.get("error", "")) if isinstance(entry, dict) else ""
    return [{"index": index, "error": error} for index, error in sorted(found.items())]


def _kind(result: Any) -> str:
    """Say what an answer is, without a word of it."""
    if not isinstance(result, dict):
        return "empty" if result is None else f"no object but of type {type(result).__name__}"
    if "batchItemFailures" in result:
        return "SQS' batchItemFailures, whose identifiers name no items of ours"
    return "an object without a list `failed`"
