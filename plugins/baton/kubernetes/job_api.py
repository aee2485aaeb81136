"""Requests about Jobs to the Kubernetes API that bear what a busy cluster does: 409, 429, 5xx, lost connections.

Why plain JSON and not the client's models: a template must reach the cluster as it was written, and the models drop
the fields that they do not know.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from baton.exceptions import BatonError, PermanentError
from baton.kubernetes.api_streams import ConnectionRetries, connection_errors

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

Object = dict[str, Any]

PAGE = 500
"""Objects of a list that are asked for at once."""
ANSWER_SECONDS = 60


class RefusedError(PermanentError):
    """The API server refuses the request, and will again."""


class NotThereError(BatonError):
    """The API server knows no such object."""


class AlreadyThereError(BatonError):
    """The name is taken."""


class JobApi:
    """Jobs of one namespace, and what belongs to them."""

    def __init__(self, hook: AsyncKubernetesHook, namespace: str) -> None:
        self.hook = hook
        self.namespace = namespace

    def jobs_path(self, name: str = "") -> str:
        """Return the path of the namespace's Jobs, or of one."""
        return "/".join(filter(None, (f"/apis/batch/v1/namespaces/{self.namespace}/jobs", name)))

    def path(self, resource: str) -> str:
        """Return the path of a resource of the core group in this namespace."""
        return f"/api/v1/namespaces/{self.namespace}/{resource}"

    async def read(self, name: str) -> Object:
        """Return a Job.

        :raises NotThereError: there is none of that name.
        """
        return await self.ask("GET", self.jobs_path(name))

    async def read_cron_job(self, name: str) -> Object:
        """Return a CronJob.

        :raises NotThereError: there is none of that name.
        """
        found = await self.ask("GET", f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs/{name}")
        return {"kind": "CronJob", **found}

    async def list_all(self, path: str, **selected: str) -> list[Object]:
        """Return all objects of a path that are selected; from the start again when a page is refused.

        Why from the start: the pages belong to one moment, which the API server forgets after some minutes (410).
        """
        retries = ConnectionRetries()
        while True:
            try:
                return [item async for page in self._pages(path, selected) for item in page]
            except connection_errors() as err:
                await retries.pause_or_raise(err)

    async def _pages(self, path: str, selected: Mapping[str, str]) -> AsyncGenerator[list[Object]]:
        query = {**selected, "limit": str(PAGE)}
        while True:
            page = await self.ask_once("GET", path, query=query)
            yield page["items"]
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def events(self, uid: str) -> Sequence[Object]:
        """Return the events about an object, oldest first."""
        found = await self.list_all(self.path("events"), fieldSelector=f"involvedObject.uid={uid}")
        return sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))

    async def create(self, body: Object) -> Object:
        """Create a Job. When the answer is lost, the next attempt finds the name taken.

        :raises AlreadyThereError: the name is taken.
        :raises RefusedError: the Job is invalid or forbidden; the message is the server's.
        """
        return await self.ask("POST", self.jobs_path(), body=body)

    async def delete(self, name: str, uid: str) -> None:
        """Delete this very Job, and its pods in the background; nothing happens if it is gone or another is there."""
        await self.delete_at(self.jobs_path(name), uid)

    async def delete_at(self, path: str, uid: str) -> bool:
        """Delete this very object, and what belongs to it in the background; returns whether it was still there."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        retries = ConnectionRetries()
        while True:
            try:
                found = (await self.ask("GET", path))["metadata"]
                if found["uid"] != uid or "deletionTimestamp" in found:
                    return False
                await self.ask_once("DELETE", path, body=options)
                return True
            except NotThereError:
                return False
            except connection_errors() as err:
                await retries.pause_or_raise(err)

    async def ask(self, method: str, path: str, **request: Any) -> Object:
        """Ask until there is an answer.

        :raises NotThereError, AlreadyThereError, RefusedError: that is the answer.
        :raises ApiException, ClientError: the API server was away for longer than `PATIENCE_SECONDS`.
        """
        retries = ConnectionRetries()
        while True:
            try:
                return await self.ask_once(method, path, **request)
            except connection_errors() as err:
                await retries.pause_or_raise(err)

    async def ask_once(self, method: str, path: str, **request: Any) -> Object:
        """Ask; lost connections and refusals that pass by are raised too."""
        from kubernetes_asyncio.client import ApiException

        async with self.hook.get_conn() as connection:
            response = await self.send(connection, method, path, **request)
            answer = _parsed(await response.read())
        if response.status < 400:
            return answer
        _raise_final(response.status, answer, path)
        raise ApiException(status=response.status, reason=f"{answer.get('reason')}: {answer.get('message')}")

    async def send(
        self,
        connection: Any,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        timeout: float = ANSWER_SECONDS,
        content_type: str = "application/json",
    ) -> Any:
        """Send one request; returns the client's answer, whatever its status."""
        return await connection.call_api(
            path,
            method,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=timeout,
        )


def _parsed(content: bytes) -> Object:
    try:
        answer = json.loads(content)
    except ValueError:  # a proxy's page
        return {"message": content[:200].decode(errors="replace")}
    return answer if isinstance(answer, dict) else {"message": str(answer)}


def _raise_final(status: int, answer: Object, path: str) -> None:
    message = str(answer.get("message") or f"status {status}")
    if answer.get("reason") == "AlreadyExists":
        raise AlreadyThereError(message)
    if status == 404:
        raise NotThereError(message)
    if status < 500 and status not in (408, 409, 410, 429):
        raise RefusedError(f"the Kubernetes API refuses {path}: {message}")
