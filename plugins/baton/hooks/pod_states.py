"""Follow one pod's states as they happen, through connection losses."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from baton.exceptions import TransientError
from baton.hooks.api_streams import Patience, connection_errors, response_lines

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

WATCH_SECONDS = 240
"""The API server ends a watch after this time; load balancers cut silent connections after some minutes."""


class PodGoneError(TransientError):
    """The pod was deleted while it was followed."""


async def pod_states(hook: AsyncKubernetesHook, name: str, namespace: str) -> AsyncGenerator[Any]:
    """Yield the pod (V1Pod) as it is now, then each time it changes, until it is gone.

    :raises PodGoneError: the pod was deleted or never was there.
    :raises ApiException: the API server refuses, or was away for longer than `PATIENCE_SECONDS`.
    """
    patience = Patience()
    while True:
        try:
            async with aclosing(_watch_once(hook, name, namespace, patience)) as pods:
                async for pod in pods:
                    yield pod
        except connection_errors() as err:
            await patience.pause_or_raise(err)


async def _watch_once(hook: AsyncKubernetesHook, name: str, namespace: str, patience: Patience) -> AsyncGenerator[Any]:
    from kubernetes_asyncio.client import CoreV1Api

    selected: dict[str, Any] = {"namespace": namespace, "field_selector": f"metadata.name={name}"}
    async with hook.get_conn() as connection:
        list_pods = CoreV1Api(connection).list_namespaced_pod
        found = await list_pods(**selected)
        if not found.items:
            raise PodGoneError(f"pod {namespace}/{name} does not exist any more: it was deleted from outside")
        yield found.items[0]
        response = await list_pods(
            **selected,
            watch=True,
            resource_version=found.metadata.resource_version,
            timeout_seconds=WATCH_SECONDS,
            _preload_content=False,
            _request_timeout=WATCH_SECONDS + 10,
        )
        async with aclosing(response_lines(response, patience)) as lines:
            async for line in lines:
                yield _changed_pod(_parsed(line), connection)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        change: dict[str, Any] = json.loads(line)
    except ValueError as err:
        raise ConnectionResetError("the watch ended in the middle of a change") from err
    return change


def _changed_pod(change: dict[str, Any], connection: Any) -> Any:
    from kubernetes_asyncio.client import ApiException

    subject = change["object"]
    if change["type"] == "ERROR":  # the answer's status was 200 already
        raise ApiException(status=subject.get("code"), reason=subject.get("reason"))
    if change["type"] == "DELETED":
        metadata = subject["metadata"]
        raise PodGoneError(f"pod {metadata['namespace']}/{metadata['name']} was deleted while it was waited for")
    return connection.deserialize(SimpleNamespace(data=json.dumps(subject)), "V1Pod")
