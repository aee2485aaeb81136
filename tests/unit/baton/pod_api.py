"""A Kubernetes API server reduced to one pod that a test moves, and that can drop connections.

The streams' behaviour under losses is what these tests are about; a real server cannot be told to lose a connection at
a certain byte. Against the real local one the same code runs in tests/integration.
"""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer


class PodApi:
    """One pod, `baton/pod`, with its states and its log."""

    def __init__(self):
        self.version = 1
        self.states = [self._state("Pending")]
        self.events = []
        self.log = []
        self.log_ended = False
        self.refusals = []  # what the kubelet says instead of the next logs
        self.deleted = False
        self.failures = []  # status codes for the next requests
        self.requests = []
        self.deleted_by_request = False
        self.result = ""  # what return.json holds
        self._changed = asyncio.Event()
        self._open = []
        self._rotations = 0

    # -- what a test does ------------------------------------------------------------------------------------------

    def refuse_node(self, message):
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self._move(self._state("Pending", conditions=[condition]))

    def schedule(self):
        self._move(self._state("Pending", conditions=[{"type": "PodScheduled", "status": "True"}]))

    def run(self):
        self._move(self._state("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}}))

    def wait(self, reason, message):
        self._move(self._state("Pending", {"waiting": {"reason": reason, "message": message}}))

    def end(self, exit_code, phase="Running"):
        self.log_ended = True
        self._move(self._state(phase, {"terminated": {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:01Z"}}))

    def delete(self):
        self.deleted = True
        self._notify()

    def write(self, *lines):
        """Write lines of one moment, as a container does that prints more than one at once."""
        moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}".rstrip("0")
        self.log += [f"{moment}Z {line}\n" for line in lines]
        self._notify()

    def rotate_log(self):
        self._rotations += 1
        self._notify()

    def drop_connections(self):
        for transport in self._open:
            transport.abort()
        self._notify()

    # -- what a client sees ----------------------------------------------------------------------------------------

    def server(self):
        app = web.Application(middlewares=[self._fail_when_told])
        pods = "/api/v1/namespaces/baton/pods"
        app.router.add_get(pods, self._list_or_watch)
        app.router.add_get("/api/v1/namespaces/baton/events", self._events)
        app.router.add_get(f"{pods}/pod/log", self._log)
        app.router.add_get(f"{pods}/pod/exec", self._exec)
        app.router.add_delete(f"{pods}/pod", self._delete)
        return TestServer(app)

    @web.middleware
    async def _fail_when_told(self, request, handler):
        self.requests.append(request.path_qs)
        if self.failures:
            return web.json_response({"kind": "Status"}, status=self.failures.pop(0))
        self._open.append(request.transport)
        try:
            return await handler(request)
        finally:
            self._open = [transport for transport in self._open if not transport.is_closing()]

    async def _list_or_watch(self, request):
        if request.query.get("watch") not in ("true", "True"):
            items = [] if self.deleted else [self.states[-1]]
            metadata = {"resourceVersion": str(self.version)}
            return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items})
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        seen = int(request.query["resourceVersion"])
        with suppress(ConnectionError):
            while not request.transport.is_closing():
                for state in self.states[seen:]:
                    await response.write(json.dumps({"type": "MODIFIED", "object": state}).encode() + b"\n")
                seen = len(self.states)
                if self.deleted:
                    await response.write(json.dumps({"type": "DELETED", "object": self.states[-1]}).encode() + b"\n")
                    return response
                await self._next_change()
        return response

    async def _events(self, request):
        assert request.query["fieldSelector"] == "involvedObject.uid=u1"
        return web.json_response({"kind": "EventList", "metadata": {}, "items": self.events})

    async def _log(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        if self.refusals:
            await response.write(self.refusals.pop(0).encode())
            return response
        since = int(request.query.get("sinceSeconds", 0))
        earliest = f"{datetime.now(UTC) - timedelta(seconds=since):%Y-%m-%dT%H:%M:%S}" if since else ""
        written, rotations = 0, self._rotations
        with suppress(ConnectionError):
            while not request.transport.is_closing():
                for line in self.log[written:]:
                    if line >= earliest:
                        await response.write(line.encode())
                written = len(self.log)
                if self.log_ended or self._rotations != rotations:
                    return response
                await self._next_change()
        return response

    async def _exec(self, request):
        assert request.query["container"] == "airflow-xcom-sidecar"
        socket = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
        await socket.prepare(request)
        await socket.send_bytes(b"\x01" + (self.result or "__airflow_xcom_result_empty__\n").encode())
        await socket.send_bytes(b'\x03{"status": "Success"}')
        await socket.close()
        return socket

    async def _delete(self, request):
        self.deleted_by_request = True
        self.delete()
        return web.json_response(self.states[-1])

    # --------------------------------------------------------------------------------------------------------------

    def _state(self, phase, container=None, conditions=()):
        status = {"name": "base", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": container}
        return {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"name": "pod", "namespace": "baton", "uid": "u1", "resourceVersion": str(self.version)},
            "spec": {"containers": [{"name": "base"}]},
            "status": {
                "phase": phase,
                "conditions": list(conditions),
                "containerStatuses": [status] if container else [],
            },
        }

    def _move(self, state):
        self.version += 1
        state["metadata"]["resourceVersion"] = str(self.version)
        self.states.append(state)
        self._notify()

    def _notify(self):
        self._changed.set()
        self._changed = asyncio.Event()

    async def _next_change(self):
        await self._changed.wait()


def kubeconfig(url):
    """A configuration that leads to a plain http server."""
    return {
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"token": "t"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
