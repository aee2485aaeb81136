"""Call a function for many items."""

from __future__ import annotations

import asyncio
import tempfile
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from baton.exceptions import PermanentError, TransientError
from baton.functions.batches.checkpoint import Checkpoint, Checkpoints, CheckpointWriter
from baton.functions.batches.folder import Folder
from baton.functions.batches.items import Batch, check, describe, read_batches, rows_of, write_items
from baton.functions.batches.results import Results
from baton.functions.batches.run import BatchRun, Limits, Tally
from baton.functions.batches.sender import BatchSender, Callbacks, forget_answer
from baton.functions.call_retries import CallRetries
from baton.functions.callbacks_hook import CallbackHook
from baton.functions.hook import CONNECTION, FunctionHook
from baton.functions.identity import TaskIdentity

if TYPE_CHECKING:
    from airflow.sdk import Context

BATCH_SIZE = 100
BATCH_RESPONSE_LIMIT_BYTES = 1 << 20
"""Unlike one call's, a batch's answer is no XCom; so much room has the callback route for one."""


class InvokeFunctionBatchOperator(BaseOperator):
    """Call a function with batches of items, `{"items": […], …}`, and keep account of each.

    A killed or retried task sends only what has no answer yet. Each batch carries an idempotency key that is the same
    for all tries. Holds a worker while it runs: it reads, sends and writes all the time.

    The function answers each batch with `{"failed": [{"index": 3, "error": "…"}]}`: the items of the batch that failed
    for good, counted from 0; the others went well. An answer without that list fails all items of its batch.

    :param function: its name at the gateway. (templated)
    :param items: a list of items, or SQL (with `sql_conn_id`), or the address of JSON lines, `s3://…` or `file:///…`.
        What a query returns is kept first, so that all tries work on the same items. (templated)
    :param result_uri: folder for that, for failed items and the result, `s3://bucket/prefix`. (templated)
    :param payload: what each call holds beside its items. (templated)
    :param function_conn_id: where, how and as whom; see `FunctionHook`.
    :param sql_conn_id: the database of the query.
    :param batch_size: items in a call.
    :param max_in_flight: calls at a time; fewer while the gateway answers 429.
    :param asynchronous: let the gateway accept each batch and post its answer to Airflow.
    :param failure_threshold: share of the items that may fail, 0 to 1; beyond it the task fails.
    :param response_limit_bytes: a larger answer fails the items of its batch.
    :returns: the result's manifest: counts, the addresses of items, failed items and itself.
    :raises AirflowFailException: too many items failed, or the function refuses whatever it gets.
    :raises TransientError: too many batches got no answer; the next try sends those.
    """

    template_fields: Sequence[str] = ("function", "items", "payload", "result_uri")
    template_fields_renderers = {"payload": "json", "items": "sql"}  # noqa: RUF012  (Airflow reads a plain attribute)

    def __init__(
        self,
        *,
        function: str,
        items: list[Any] | str,
        result_uri: str,
        payload: dict[str, Any] | None = None,
        function_conn_id: str = CONNECTION,
        sql_conn_id: str | None = None,
        batch_size: int = BATCH_SIZE,
        max_in_flight: int = 8,
        asynchronous: bool = False,
        failure_threshold: float = 0.0,
        response_limit_bytes: int = BATCH_RESPONSE_LIMIT_BYTES,
        **kwargs: Any,
    ) -> None:
        if "most_in_flight" in kwargs:
            warnings.warn("most_in_flight is now called max_in_flight", DeprecationWarning, stacklevel=2)
            max_in_flight = kwargs.pop("most_in_flight")
        super().__init__(**kwargs)
        if batch_size < 1 or max_in_flight < 1 or not 0 <= failure_threshold <= 1:
            raise ValueError("batch_size and max_in_flight are at least 1, failure_threshold is from 0 to 1")
        self.function = function
        self.items = items
        self.result_uri = result_uri
        self.payload = payload
        self.function_conn_id = function_conn_id
        self.sql_conn_id = sql_conn_id
        self.batch_size = batch_size
        self.max_in_flight = max_in_flight
        self.asynchronous = asynchronous
        self.failure_threshold = failure_threshold
        self.response_limit_bytes = response_limit_bytes
        self.aws_conn_id = "aws_default"
        self.batch_seconds = 300.0
        self.call_retries = CallRetries(seconds=600.0)

    def execute(self, context: Context) -> dict[str, Any]:
        """Send what is missing."""
        identity = TaskIdentity.of(context)
        try:
            folder = Folder(self._folder_uri(identity), self.aws_conn_id)
            checkpoints = Checkpoints(context["task_state_store"], folder)
            with tempfile.TemporaryDirectory(prefix="baton-") as directory:
                path = Path(directory) / "items.jsonl"
                checkpoint = self._take_up(path, folder, checkpoints)
                run = self._run(context, identity, path, checkpoints, checkpoint, Results(folder))
                failed, tally = asyncio.run(run)
            manifest = Results(folder).finish(vars(identity), checkpoint, tally)
        except PermanentError as err:
            raise AirflowFailException(str(err)) from err
        if failed:
            self._fail(manifest, tally)
        checkpoints.forget()
        return manifest

    def _folder_uri(self, identity: TaskIdentity) -> str:
        part = f".{identity.map_index}" if identity.map_index >= 0 else ""
        return f"{self.result_uri.rstrip('/')}/{identity.dag_id}/{identity.run_id}/{identity.task_id}{part}"

    def _take_up(self, path: Path, folder: Folder, checkpoints: Checkpoints) -> Checkpoint:
        """Fetch the items: those of an earlier try where there was one."""
        checkpoint = checkpoints.read()
        if checkpoint is None:
            checkpoint = self._begin(path, folder)
            checkpoints.write(checkpoint)
            return checkpoint
        folder.download(checkpoint.items.uri, path)
        if describe(path, checkpoint.items.uri) != checkpoint.items:
            raise PermanentError(
                f"{checkpoint.items.uri} has changed since the task began: what was done of it is no longer known. "
                "Write items under a new name; to begin anew clear the task's state"
            )
        batches = -(-checkpoint.items.count // checkpoint.batch_size)
        self.log.info("Going on: %d of %d batches are done", len(checkpoint.done), batches)
        return checkpoint

    def _begin(self, path: Path, folder: Folder) -> Checkpoint:
        if isinstance(self.items, str) and self.items.startswith(("s3://", "file:///")):
            uri = self.items
            folder.download(uri, path)
            check(path)
        else:
            uri = folder.address("items.jsonl")
            write_items(self._rows(), path)
            folder.upload(path, uri)
        return Checkpoint(describe(path, uri), self.batch_size)

    def _rows(self) -> Any:
        if isinstance(self.items, Mapping) or not isinstance(self.items, Iterable):
            raise PermanentError(f"items is of type {type(self.items).__name__}: give a list, a query or an address")
        if not isinstance(self.items, str):
            return self.items
        if self.sql_conn_id is None:
            raise PermanentError("items is text but no address: for a query give sql_conn_id")
        return rows_of(self.sql_conn_id, self.items)

    async def _run(
        self,
        context: Context,
        identity: TaskIdentity,
        path: Path,
        checkpoints: Checkpoints,
        checkpoint: Checkpoint,
        results: Results,
    ) -> tuple[bool, Tally]:
        async def keep_failures(batch: Batch, failures: list[dict[str, Any]]) -> None:
            await asyncio.to_thread(results.keep_failures, batch, failures)

        hook = FunctionHook(
            self.function_conn_id,
            response_limit_bytes=self.response_limit_bytes,
            connections=self.max_in_flight,
        )
        limits = Limits(self.max_in_flight, self.failure_threshold, self.call_retries)
        callbacks, writer = None, CheckpointWriter(checkpoints, checkpoint)
        if self.asynchronous:
            forget = partial(forget_answer, context["task_state_store"])
            writer = CheckpointWriter(checkpoints, checkpoint, forget)
            callbacks = Callbacks(
                identity, context["task_state_store"], CallbackHook().address, hook.response_limit_bytes
            )
        async with hook:
            if self.asynchronous:
                hook.check_callbacks()
            sender = BatchSender(hook.protocol, self.function, self.payload or {}, self.batch_seconds, callbacks)
            run = BatchRun(identity.key, checkpoint, writer, sender.send, keep_failures, limits)
            began = time.monotonic()
            tally = await run.run(read_batches(path, checkpoint.batch_size, checkpoint.done))
            self.log.info("%d batches are done, %.1f s", len(checkpoint.done), time.monotonic() - began)
            return run.has_failed(), tally

    def _fail(self, manifest: dict[str, Any], tally: Tally) -> None:
        words = (
            f"{manifest['failed']} of {manifest['items']} items failed and {manifest['unreached']} got no answer, more "
            f"than the threshold of {self.failure_threshold:.2%}; see {manifest['result_uri']}. {tally.reason}"
        )
        if manifest["unreached"]:
            raise TransientError(words)
        raise AirflowFailException(words)
