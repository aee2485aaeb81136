"""Requests about Jobs to the Kubernetes API that bear what a busy cluster does: 409, 429, 5xx, lost connections.

Why plain JSON and not the client's models: a template must reach the cluster as it was written, and the models drop
the fields that they do not know.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from baton.exceptions import BatonError, PermanentError
from baton.hooks.api_streams import Patience, connection_errors

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

Object = dict[str, Any]


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

    async def read(self, name: str) -> Object:
        """Return a Job.

        :raises NotThereError: there is none of that name.
        """
        return await self._ask("GET", self._jobs(name))

    async def read_cron_job(self, name: str) -> Object:
        """Return a CronJob.

        :raises NotThereError: there is none of that name.
        """
        return await self._ask("GET", f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs/{name}")

    async def create(self, body: Object) -> Object:
        """Create a Job. When the answer is lost, the next attempt finds the name taken.

        :raises AlreadyThereError: the name is taken.
        :raises RefusedError: the Job is invalid or forbidden; the message is the server's.
        """
        return await self._ask("POST", self._jobs(), body)

    async def delete(self, name: str, uid: str) -> None:
        """Delete this very Job, and its pods in the background; nothing happens if it is gone or another is there."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        patience = Patience()
        while True:
            try:
                if (await self.read(name))["metadata"]["uid"] == uid:
                    await self._ask_once("DELETE", self._jobs(name), options)
                return
            except NotThereError:
                return
            except connection_errors() as err:
                await patience.pause_or_raise(err)

    def _jobs(self, name: str = "") -> str:
        return "/".join(filter(None, (f"/apis/batch/v1/namespaces/{self.namespace}/jobs", name)))

    async def _ask(self, method: str, path: str, body: Object | None = None) -> Object:
        """Ask until there is an answer.

        :raises ApiException, ClientError: the API server was away for longer than `PATIENCE_SECONDS`.
        """
        patience = Patience()
        while True:
            try:
                return await self._ask_once(method, path, body)
            except connection_errors() as err:
                await patience.pause_or_raise(err)

    async def _ask_once(self, method: str, path: str, body: Object | None = None) -> Object:
        from kubernetes_asyncio.client import ApiException

        async with self.hook.get_conn() as connection:
            response = await connection.call_api(
                path,
                method,
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
            )
            answer = _parsed(await response.read())
        if response.status < 400:
            return answer
        _raise_final(response.status, answer, path)
        raise ApiException(status=response.status, reason=f"{answer.get('reason')}: {answer.get('message')}")


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
