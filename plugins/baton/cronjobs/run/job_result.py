"""What a Job's pods leave as result: the termination message of the container that does the work.

Why the XCom file is one too: Kubernetes reads a file of the container's choice when it ends. So the file that Airflow's
users know needs no side-car, which would change the template's pod and keep it from ending. Its limit is 4096 bytes.
Source: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from baton.exceptions import PermanentError
from baton.shallow_json import shallow_json

Object = dict[str, Any]

NONE, TERMINATION_MESSAGE, XCOM_FILE = "none", "termination_message", "xcom_file"
RESULTS = (NONE, TERMINATION_MESSAGE, XCOM_FILE)
XCOM_PATH = "/airflow/xcom/return.json"
LIMIT_BYTES = 4096
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_INDEX = "batch.kubernetes.io/job-completion-index"


class ResultError(PermanentError):
    """The Job is complete, and its result is not there or cannot be read."""


def with_result_file(spec: Object) -> Object:
    """Return the Job's spec whose working container's termination message is read from `XCOM_PATH`."""
    changed = deepcopy(spec)
    template = changed["template"]
    name = working_container(template)
    for container in template["spec"]["containers"]:
        if container["name"] == name:
            container["terminationMessagePath"] = XCOM_PATH
    return changed


def working_container(pod: Mapping[str, Any]) -> str:
    """Return the container that does the work: the one that kubectl takes by default, else the first."""
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(_DEFAULT_CONTAINER) or pod["spec"]["containers"][0]["name"])


def read_result(pods: Iterable[Object], spec: Object, mode: str) -> Any:
    """Return the result of a complete Job: a value, or a list of them for a Job of several completions.

    :param pods: the Job's; those that did not succeed are left out.
    :param spec: the Job's spec.
    :param mode: `termination_message` gives JSON where it is JSON, else the text; `xcom_file` must be JSON.
    :raises ResultError: no pod that succeeded is left, or a file is no JSON.
    """
    done = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Succeeded"]
    if not done:
        raise ResultError("the Job is complete, but its pods were removed before their result could be read")
    if (spec.get("completions") or 1) == 1:
        return _value(max(done, key=_ended_at), mode)
    return [_value(pod, mode) for pod in sorted(_latest_by_index(done), key=_order)]


def _latest_by_index(pods: Iterable[Object]) -> list[Object]:
    """With one result for each completion index; Jobs without indexes keep all."""
    ordered = sorted(pods, key=_ended_at)
    return list({_index(pod) or pod["metadata"]["uid"]: pod for pod in ordered}.values())


def _order(pod: Object) -> tuple[int, str]:
    return int(_index(pod) or 0), _ended_at(pod)


def _index(pod: Object) -> str | None:
    annotations = pod["metadata"].get("annotations") or {}
    return annotations.get(_INDEX)


def _ended_at(pod: Object) -> str:
    return str(_terminated(pod).get("finishedAt") or "")


def _terminated(pod: Object) -> Mapping[str, Any]:
    name = working_container(pod)
    statuses = pod["status"].get("containerStatuses") or []
    return next((each["state"].get("terminated") or {} for each in statuses if each["name"] == name), {})


def _value(pod: Object, mode: str) -> Any:
    message = str(_terminated(pod).get("message") or "")
    if not message.strip():
        return None
    try:
        return shallow_json(message)
    except ValueError as err:
        if mode == TERMINATION_MESSAGE:
            return message
        raise ResultError(
            f"pod {pod['metadata']['name']}: {XCOM_PATH} holds no JSON, or more than {LIMIT_BYTES} bytes: {err}"
        ) from err
