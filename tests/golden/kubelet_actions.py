"""Doing again what a recording's actions say, and noting down what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml

from .kubelet_story import Story, changes, facts, generated

if TYPE_CHECKING:
    from .kubelet import Scenario

Object = dict[str, Any]
_CHANNELS = {1: "stdout", 2: "stderr", 3: "error"}
_LISTEN_SECONDS = 4.0
_MORE_SECONDS = 6.0
_SHORTEST_GAP_SECONDS = 0.3
_KINDS = {"pods": "api/v1", "secrets": "api/v1", "configmaps": "api/v1", "jobs": "apis/batch/v1"}
# Bodies that the recording names but does not hold.
_BODIES = yaml.safe_load((Path(__file__).parent / "kubelet-bodies.yaml").read_text())
# Where logs were asked for later than before the first deletion.
_LOOK_BEFORE = {"delete-with-finalizer": "PATCH"}
# Requests that were sent while something went on: the log's or session's name -> what the pod shows then.
_MOMENTS = {
    "main while init runs": "i: runs",
    "while ErrImagePull": "c: waits ErrImagePull",
    "exec while postStart runs": "",
    "while postStart runs": "",
}


class Api:
    """A client of one namespace that sees every pod, Job and event in it from the beginning.

    :param server: its address.
    """

    def __init__(self, server: str, context: ssl.SSLContext, token: str, namespace: str) -> None:
        self._server, self._context, self.namespace = server, context, namespace
        self._headers = {"Authorization": f"Bearer {token}"}
        self._watches: list[asyncio.Task[None]] = []
        self._known: dict[str, Object] = {}
        self.begun = time.monotonic()
        self.stories: dict[str, Story] = {}
        self.objects: dict[str, Object] = {}
        self.events: list[Object] = []
        self.changed = asyncio.Condition()

    async def __aenter__(self) -> Api:
        """Connect and begin to watch."""
        self.session = aiohttp.ClientSession(
            self._server,
            headers=self._headers,
            connector=aiohttp.TCPConnector(ssl=self._context, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        for path in (f"{_KINDS['pods']}/{{}}/pods", f"{_KINDS['jobs']}/{{}}/jobs", f"{_KINDS['pods']}/{{}}/events"):
            place = "/" + path.format(f"namespaces/{self.namespace}")
            self._watches.append(asyncio.create_task(self._watch(place)))
        await asyncio.sleep(0.3)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the watches."""
        for watch in self._watches:
            watch.cancel()
        await self.session.close()

    def path(self, plural: str, name: str = "", part: str = "") -> str:
        """A path in the namespace, or of the node."""
        if plural == "nodes":
            return "/api/v1/nodes/local"
        return "/".join(
            p for p in ("", _KINDS[plural], f"namespaces/{self.namespace}", plural, name, part) if p or p == ""
        ).rstrip("/")

    async def request(self, method: str, path: str, **options: Any) -> Object:
        """Ask; the answer's ``status`` and ``body``."""
        async with self.session.request(method, path, **options) as response:
            raw = await response.read()
        content: Any = raw.decode(errors="replace")
        with contextlib.suppress(ValueError):
            if response.content_type == "application/json":
                content = json.loads(content)
        return {"status": response.status, "body": content, "length": len(raw), "raw": raw}

    async def _watch(self, path: str) -> None:
        async with self.session.get(path, params={"watch": "true", "resourceVersion": "0"}) as response:
            buffer = b""
            async for piece in response.content.iter_any():
                *lines, buffer = (buffer + piece).split(b"\n")
                for line in filter(None, lines):
                    self._note(json.loads(line))
                async with self.changed:
                    self.changed.notify_all()

    def _note(self, change: Object) -> None:
        obj, kind = change["object"], change["type"]
        if obj["kind"] == "Event":
            self.events.append(
                {
                    "type": obj["type"],
                    "reason": obj["reason"],
                    "message": obj["message"],
                    "object": f"{obj['involvedObject']['kind'].lower()}/{obj['involvedObject']['name']}",
                    "fieldPath": obj["involvedObject"].get("fieldPath", ""),
                }
            )
            return
        title = f"{obj['kind'].lower()}/{obj['metadata']['name']}"
        after = facts(obj)
        rows = self.stories.setdefault(title, Story(obj["kind"].lower())).rows
        rows.append((time.monotonic() - self.begun, kind, changes(self._known.get(title, {}), after)))
        self._known[title], self.objects[title] = after, obj


class Scene:
    """One scenario while it is played."""

    def __init__(self, api: Api, scenario: Scenario) -> None:
        self.api, self.scenario = api, scenario
        self.own = [o["metadata"]["name"] for o in scenario.objects if "name" in o["metadata"]]
        self.jobs = [o["metadata"]["name"] for o in scenario.objects if o["kind"] == "Job"]
        self.logs: dict[str, Object] = {}
        self.extra: dict[str, Any] = {}
        self.expected: list[Any] = []
        self.answers: list[Any] = []
        self._posted: set[str] = set()
        self._followers: list[asyncio.Task[None]] = []

    @property
    def stories(self) -> dict[str, Story]:
        """What is seen of this scenario's objects."""
        return {title: story for title, story in self.api.stories.items() if self._is_own(title.partition("/")[2])}

    @property
    def events(self) -> list[Object]:
        """The events of this scenario's objects."""
        return [event for event in self.api.events if self._is_own(event["object"].partition("/")[2])]

    def _is_own(self, name: str) -> bool:
        return name in self.own or any(generated(name, [job]) != name for job in self.jobs)

    def names(self, recorded: dict[str, Story]) -> dict[str, str]:
        """Recorded titles of Jobs' pods -> ours, in the order they came."""
        ours: dict[str, list[str]] = defaultdict(list)
        for title in self.stories:
            ours[generated(title, self.jobs)].append(title)
        found = {}
        for title in recorded:
            same = ours.get(generated(title, self.jobs))
            if same:
                found[title] = same.pop(0)
        return found

    async def play(self) -> None:
        """Do what was done, each as soon as our objects have come as far."""
        from .kubelet import stories

        rows = self.scenario.timeline
        actions = [position for position, row in enumerate(rows) if row[1] == "action"]
        look = _LOOK_BEFORE.get(self.scenario.name, "DELETE")
        first_delete = min((p for p in actions if rows[p][2].startswith(look)), default=-1)
        before = 0.0
        for position in actions:
            await self._come_as_far(stories(rows[:position]), rows[position][0] - before)
            if position == first_delete:
                await self._look()
            if rows[position][2].startswith("DELETE"):
                await self._look_at(rows[position][2].split()[2].partition("?")[0])
            await self._do(rows[position])
            before = rows[position][0]
        await self._come_as_far(stories(rows), (rows[-1][0] - before) if rows else 0)
        if "after deletion" in self.scenario.logs:
            self.logs["after deletion"] = await self._log(self.own[0], self.scenario.logs["after deletion"]["query"])
        await asyncio.wait_for(asyncio.gather(*self._followers, return_exceptions=True), 10)
        await self._clean()

    async def _come_as_far(self, recorded: dict[str, Story], seconds: float) -> None:
        """Wait until our objects show what the recorded ones had shown, at most a little longer than it took."""
        begun = time.monotonic()
        until = begun + seconds + _MORE_SECONDS

        def there() -> bool:
            names, ours = self.names(recorded), self.stories
            for title, story in recorded.items():
                if story.kind not in ("pod", "job"):
                    continue
                own = ours.get(names.get(title, title))
                if own is None:
                    return False
                quick = story.quick() | own.quick()
                wanted, have = story.states(quick), own.states(quick)
                if have[: len(wanted)] != wanted:
                    return False
            return True

        async with self.api.changed:
            while not there() and time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.api.changed.wait(), 0.5)
        if seconds >= 1.0:
            await asyncio.sleep(_SHORTEST_GAP_SECONDS)

    async def _do(self, row: list[Any]) -> None:
        text, answer = row[2], row[3] if len(row) > 3 else None
        words = text.partition(":")[0].split()
        if words[0] == "POST" and words[1] in _KINDS:
            await self._post(words[1], words[2], text)
        elif words[0] == "POST" and words[1] == "eviction":
            pod = next((t.partition("/")[2] for t in self.stories if t.startswith("pod/")), "absent")
            name = "absent" if "absent" in text else pod
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            done = await self.api.request("POST", self.api.path("pods", name, "eviction"), json=eviction)
            self._answered(text, int(text.rpartition(" ")[2]), done["status"])
        elif words[0] == "PATCH":
            await self._patch(text)
        elif words[0] == "DELETE":
            await self._delete(text, answer)
        elif words[0] == "exec":
            self.extra[text] = await self.session(self.own[0], "exec", answer)
            self._answered(text, answer.get("stdout"), self.extra[text].get("stdout"))

    def _answered(self, what: str, recorded: Any, ours: Any) -> None:
        self.expected.append((generated(what, self.jobs), recorded))
        self.answers.append((generated(what, self.jobs), ours))

    async def _post(self, plural: str, name: str, text: str) -> None:
        known = [o for o in self.scenario.objects if o["metadata"].get("name") == name and name not in self._posted]
        # One scenario made its pod again under another name than its object's.
        body = known[0] if known else _BODIES["objects"].get(name) or self.scenario.objects[0]
        self._posted.add(name)
        if name not in self.own:
            self.own.append(name)
            body = {**body, "metadata": {**body["metadata"], "name": name}}
        done = await self.api.request("POST", self.api.path(plural), json=body)
        self._answered(f"POST {name}", int(text.rpartition(" ")[2]), done["status"])
        if "followed" in self.scenario.logs and plural == "pods":
            self._followers.append(asyncio.create_task(self._follow(name, body)))

    async def _patch(self, text: str) -> None:
        what = text.removeprefix("PATCH ").rpartition(":")[0] or text.removeprefix("PATCH ")
        known = _BODIES["patches"].get(what) or _BODIES["patches"].get(f"{self.scenario.name}: {what}")
        if known is None:
            return
        name = known.get("name") or self.own[0]
        path = self.api.path(known["resource"], name, known.get("part", ""))
        kind = known.get("type", "application/merge-patch+json")
        done = await self.api.request("PATCH", path, data=json.dumps(known["body"]), headers={"Content-Type": kind})
        status = text.rpartition(" ")[2]
        self._answered(text, int(status) if status.isdigit() else 200, done["status"])

    async def _delete(self, text: str, answer: Any) -> None:
        if text.split()[1].startswith("pods?"):
            path, _, query = text.split()[1].partition("?")
            await self.api.request("DELETE", f"{self.api.path(path)}?{query.rstrip(':')}")
            return
        if text.split()[1] not in _KINDS:
            return
        _, plural, name, *options = text.split(" ", 3)
        name = self.names(self._recorded()).get(f"{plural[:-1]}/{name}", f"/{name}").partition("/")[2]
        params, body = {}, None
        if options and options[0].startswith("gracePeriodSeconds="):
            params = {"gracePeriodSeconds": options[0].partition("=")[2]}
        elif options:
            body = json.loads(options[0].removeprefix("body "))
        done = await self.api.request("DELETE", self.api.path(plural, name), params=params, json=body)
        if isinstance(answer, dict) and "status" in answer:
            ours: Any = done["body"] if isinstance(done["body"], dict) else {}
            grace = (ours.get("metadata") or {}).get("deletionGracePeriodSeconds")
            self._answered(text, (answer["status"], answer.get("deletionGracePeriodSeconds")), (done["status"], grace))

    def _recorded(self) -> dict[str, Story]:
        from .kubelet import stories

        return stories(self.scenario.timeline)

    async def _look_at(self, deleted: str) -> None:
        """Ask for the logs that were asked for of what is deleted next: a pod, or a Job's pods."""
        names = self.names(self._recorded())
        for key, answer in self.scenario.logs.items():
            recorded = key.partition("/")[0]
            is_its = recorded == deleted or generated(recorded, [deleted]) != recorded
            name = names.get(f"pod/{recorded}", f"pod/{recorded}").partition("/")[2]
            if "/" in key and is_its and f"pod/{name}" in self.api.stories:
                self.logs[key] = await self._log(name, answer["query"])

    async def _look(self) -> None:
        """Ask for the other logs, and hold the sessions, that there were before anything was deleted."""
        for key, answer in self.scenario.logs.items():
            if "query" not in answer or key == "after deletion" or "sinceTime" in answer["query"] or key in _MOMENTS:
                continue
            if "/" not in key:
                self.logs[key] = await self._log(self.own[0], answer["query"])
            elif self.scenario.name in _LOOK_BEFORE:
                self.logs[key] = await self._log(key.partition("/")[0], answer["query"])
        for key, answer in self.scenario.extra.items():
            if isinstance(answer, dict) and "subprotocols" in answer and key not in _MOMENTS | {"after deletion": ""}:
                part = "attach" if "attach" in key else "exec"
                pod = "absent-pod" if key == "pod unknown" else self.own[0]
                self.extra[key] = await self.session(pod, part, answer)

    async def _log(self, pod: str, query: Object) -> Object:
        params = {name: str(value) for name, value in query.items()}
        try:
            answer = await asyncio.wait_for(
                self.api.request("GET", self.api.path("pods", pod, "log"), params=params), 5
            )
        except TimeoutError:
            return {"status": 0, "body": "no end"}
        return answer

    async def _follow(self, pod: str, body: Object) -> None:
        container = body["spec"]["containers"][0]["name"]
        for _ in range(200):
            params = {"container": container, "follow": "true"}
            answer = await self.api.request("GET", self.api.path("pods", pod, "log"), params=params)
            if answer["status"] == 200:
                self.logs["followed"] = answer
                return
            await asyncio.sleep(0.1)

    async def session(self, pod: str, part: str, wanted: Object) -> Object:
        """An exec or attach session: what comes on each channel."""
        params = [
            (name, each)
            for name, value in (wanted.get("query") or {}).items()
            for each in (value if isinstance(value, list) else [value])
        ]
        path = self.api.path("pods", pod, part)
        found: dict[str, bytes] = defaultdict(bytes)
        try:
            async with self.api.session.ws_connect(
                path, params=params, protocols=tuple(wanted["subprotocols"]), max_msg_size=0
            ) as socket:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LISTEN_SECONDS):
                        async for message in socket:
                            data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
                            if data:
                                found[_CHANNELS.get(data[0], str(data[0]))] += data[1:]
        except aiohttp.WSServerHandshakeError as err:
            answer = await self.api.request("GET", path, params=params, headers=_upgrade(wanted["subprotocols"]))
            return {"status": err.status, "body": answer["body"]}
        texts: Object = {name: data.decode(errors="replace") for name, data in found.items()}
        with contextlib.suppress(ValueError):
            texts["error"] = json.loads(texts.get("error", ""))
        return {"status": 101, **texts}

    async def _clean(self) -> None:
        for name in self.own:
            for plural in ("jobs", "pods"):
                await self.api.request("DELETE", self.api.path(plural, name), params={"gracePeriodSeconds": "0"})


def _upgrade(protocols: list[str]) -> dict[str, str]:
    return {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": ",".join(protocols),
    }  # fmt: skip
