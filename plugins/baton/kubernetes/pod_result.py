"""Read the result that a workload left for the XCom sidecar."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from baton.shallow_json import shallow_json

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

READ_SECONDS = 10
"""A result is small; a sidecar that does not answer is asked by a worker once more."""


async def read_result(hook: AsyncKubernetesHook, name: str, namespace: str) -> Any:
    """Return the JSON value in `return.json`, None when the workload left none.

    :raises ValueError: it is no JSON, or too deep for XCom.
    :raises ApiException, ClientError, TimeoutError: the sidecar does not run, or the API server refuses.
    """
    from kubernetes_asyncio.client import CoreV1Api
    from kubernetes_asyncio.stream import WsApiClient

    from baton.airflow_internals.pods import EMPTY_XCOM_RESULT, RESULT_FILE, SIDECAR

    # As PodManager asks for it.
    script = f"if [ -s {RESULT_FILE} ]; then cat {RESULT_FILE}; else echo {EMPTY_XCOM_RESULT}; fi"
    async with hook.get_conn() as connection, WsApiClient(configuration=connection.configuration) as websocket:
        options: dict[str, Any] = {"container": SIDECAR, "stdout": True, "stderr": True}
        execute: Any = CoreV1Api(websocket).connect_get_namespaced_pod_exec
        async with asyncio.timeout(READ_SECONDS):
            # Not preloaded: the client would take a JSON answer apart and return Python's notation of it.
            call = await execute(name, namespace, command=["/bin/sh", "-c", script], _preload_content=False, **options)
            text = await _standard_output(call)
    return None if text.strip() == EMPTY_XCOM_RESULT else shallow_json(text)


async def _standard_output(call: Any) -> str:
    content = b""
    async with call as frames:
        async for frame in frames:
            if frame.data[:1] == b"\x01":  # the first byte is the channel
                content += frame.data[1:]
    return content.decode()
