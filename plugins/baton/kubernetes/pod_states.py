"""Follow one pod's states as they happen, through connection losses."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from baton.exceptions import TransientError
from baton.kubernetes.api_changes import changes
from baton.kubernetes.job_api import JobApi

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

Object = dict[str, Any]


class PodGoneError(TransientError):
    """The pod was deleted while it was followed."""


async def pod_states(hook: AsyncKubernetesHook, name: str, namespace: str) -> AsyncGenerator[tuple[Any, Object]]:
    """Yield the pod as it is now, then each time it changes, until it is gone: as V1Pod and as the JSON it came as.

    :raises PodGoneError: the pod was deleted or never was there.
    :raises RefusedError: the API server refuses.
    :raises ApiException: the API server was away for longer than `PATIENCE_SECONDS`.
    """
    api = JobApi(hook, namespace)
    async with (
        hook.get_conn() as connection,
        aclosing(changes(api, api.path("pods"), {"fieldSelector": f"metadata.name={name}"})) as found,
    ):
        async for kind, pods in found:
            if kind == "DELETED":
                raise PodGoneError(f"pod {namespace}/{name} was deleted while it was waited for")
            if not pods:
                raise PodGoneError(f"pod {namespace}/{name} does not exist any more: it was deleted from outside")
            answer: Any = SimpleNamespace(data=json.dumps(pods[0]))
            yield connection.deserialize(answer, "V1Pod"), pods[0]
