"""Pod templates: the defaults that a pod's spec gets wherever it stands, in a pod or in what makes pods."""

from __future__ import annotations

from typing import Any

from local_kubernetes.errors import Cause
from local_kubernetes.metadata_check import check_labels

from .pod_check import check_spec

Object = dict[str, Any]


def complete_template(template: Any) -> Object:
    """A ``template`` with its defaults."""
    template = template if isinstance(template, dict) else {}
    metadata = {name: value for name, value in (template.get("metadata") or {}).items() if value is not None}
    return {**template, "metadata": metadata, "spec": complete_spec(template.get("spec") or {})}


def check_template(template: Object, field: str) -> list[Cause]:
    """What is wrong with a ``template`` that stands at ``field``.

    :raises ApiError: 501, it asks for something that is not done here.
    """
    causes = check_labels(template["metadata"].get("labels") or {}, f"{field}.labels")
    return causes + check_spec(template["spec"], f"{field}.spec")


def complete_spec(spec: Object) -> Object:
    """A pod's ``spec`` with the defaults that do not depend on the server's settings."""
    completed = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **{name: value for name, value in spec.items() if value is not None},
    }
    for part in ("containers", "initContainers"):
        if isinstance(completed.get(part), list):
            completed[part] = [_complete_container(container) for container in completed[part]]
    if isinstance(completed.get("volumes"), list):
        completed["volumes"] = [_complete_volume(volume) for volume in completed["volumes"]]
    return completed


def _complete_volume(volume: Any) -> Any:
    """A volume without a source is an emptyDir; so is one that says ``emptyDir:`` and nothing behind it."""
    if not isinstance(volume, dict) or any(volume[name] is not None for name in volume if name != "name"):
        return volume
    return {"name": volume.get("name"), "emptyDir": {}}


def _complete_container(container: Any) -> Any:
    if not isinstance(container, dict):
        return container
    image = str(container.get("image") or "")
    tag = image.rpartition("/")[2].partition(":")[2]
    return {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always" if "@" not in image and tag in ("", "latest") else "IfNotPresent",
        **{name: value for name, value in container.items() if value is not None},
        **({"env": [_complete_variable(variable) for variable in container["env"]]} if container.get("env") else {}),
    }


def _complete_variable(variable: Any) -> Any:
    reference = (variable.get("valueFrom") or {}).get("fieldRef") if isinstance(variable, dict) else None
    if reference is None:
        return variable
    return {**variable, "valueFrom": {**variable["valueFrom"], "fieldRef": {"apiVersion": "v1", **reference}}}
