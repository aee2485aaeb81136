"""Watches: what is there, then what changes, a line of JSON each."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from local_kubernetes.control_plane import CONTROL_PLANE
from local_kubernetes.errors import ApiError
from local_kubernetes.query import flag
from local_kubernetes.selector_parsing import Predicate
from local_kubernetes.store import Change, encode
from local_kubernetes.tables import table

from .bodies import number, wants_table
from .lists import predicate, selected, wanted_version
from .target import Target

Object = dict[str, Any]
_MAX_SECONDS = 1800
_BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK_SECONDS = 2.0
_LOOK_SECONDS = 60.0  # so often it is looked whether the client is still there
_MAX_UNSENT = 10_000
STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping", asyncio.Event)


class _Inbox:
    """Changes that a watch has not sent yet; ``full`` once the client was too slow to read them."""

    def __init__(self, resource: str) -> None:
        self.full = False
        self.wake = asyncio.Event()
        self._resource = resource
        self._changes: deque[Change] = deque()

    def put(self, change: Change) -> None:
        """Take in a change, if it is one of this watch's resource."""
        if change.key.resource != self._resource or self.full:
            return
        self._changes.append(change)
        self.full = len(self._changes) > _MAX_UNSENT
        self.wake.set()

    def take(self) -> list[Change]:
        """All that there is, oldest first."""
        self.wake.clear()
        taken = list(self._changes)
        self._changes.clear()
        return taken


async def watch(request: web.Request, target: Target) -> web.StreamResponse:
    """Stream changes until the time is up, the client leaves or the server stops."""
    cluster = request.app[CONTROL_PLANE]
    view = _View(request, target, predicate(request, target.kind))
    version = wanted_version(request)
    inbox = _Inbox(target.kind.resource)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    stop_listening = cluster.store.listen(inbox.put)
    try:
        try:
            first = list(view.beginning(version))
        except ApiError as err:
            await response.prepare(request)
            await response.write(encode({"type": "ERROR", "object": err.status()}) + b"\n")
            return response
        await response.prepare(request)
        for line in first:
            await response.write(line)
        await _stream(request, response, view, inbox)
    except ConnectionResetError:
        return response
    finally:
        stop_listening()
    return response


async def _stream(request: web.Request, response: web.StreamResponse, view: _View, inbox: _Inbox) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + min(number(request, "timeoutSeconds") or _MAX_SECONDS, _MAX_SECONDS)
    bookmark = _next_bookmark(loop.time(), end) if flag(request, "allowWatchBookmarks") else end
    stopping = asyncio.create_task(request.app[STOPPING].wait())
    stopping.add_done_callback(lambda _: inbox.wake.set())
    try:
        while not stopping.done() and not inbox.full and loop.time() < end:
            for change in inbox.take():
                for line in view.lines(change):
                    await response.write(line)
            if bookmark <= loop.time() < end:
                await response.write(view.bookmark())
                bookmark = _next_bookmark(loop.time(), end)
            if request.transport is None or request.transport.is_closing():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(inbox.wake.wait(), min(end, bookmark, loop.time() + _LOOK_SECONDS) - loop.time())
    finally:
        stopping.cancel()


def _next_bookmark(now: float, end: float) -> float:
    """When to tell the version next: each minute, and shortly before the watch ends."""
    last = end - _LAST_BOOKMARK_SECONDS
    return min(now + _BOOKMARK_SECONDS, last) if now < last else end


class _View:
    """What one watch shows of the changes."""

    def __init__(self, request: web.Request, target: Target, fits: Predicate) -> None:
        self._request = request
        self._target = target
        self._fits = fits
        self._store = request.app[CONTROL_PLANE].store
        self._table = wants_table(request)

    def beginning(self, version: int | None) -> Iterator[bytes]:
        """What is there (no version given) or what happened since a version.

        :raises ApiError: 410, the version is too old.
        """
        initial = flag(self._request, "sendInitialEvents")
        if version is not None and not initial:
            for change in self._store.changes_since(version):
                yield from self.lines(change)
            return
        for obj in selected(self._request, self._target):
            yield self._line("ADDED", obj)
        if initial and flag(self._request, "allowWatchBookmarks"):
            yield self.bookmark({"k8s.io/initial-events-end": "true"})

    def lines(self, change: Change) -> Iterator[bytes]:
        """A change as this watch shows it: an object that fits no longer is shown as DELETED."""
        target = self._target
        if change.key.resource != target.kind.resource or target.namespace not in (None, change.key.namespace):
            return
        was = change.before is not None and self._fits(change.before)
        now = change.type != "DELETED" and self._fits(change.object)
        if now:
            yield self._line("MODIFIED" if was else "ADDED", change.object)
        elif was:
            yield self._line("DELETED", change.object)

    def bookmark(self, annotations: Object | None = None) -> bytes:
        """The version up to which everything was shown."""
        metadata: Object = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        kind = self._target.kind
        obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        return encode({"type": "BOOKMARK", "object": obj}) + b"\n"

    def _line(self, word: str, obj: Object) -> bytes:
        obj = self._target.kind.shown(obj)
        if self._table:
            include = self._request.query.get("includeObject", "Metadata")
            obj = table(self._target.kind, [obj], obj["metadata"]["resourceVersion"], include)
        return encode({"type": word, "object": obj}) + b"\n"
