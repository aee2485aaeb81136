"""The node ``local``: this machine, as ``kubectl get nodes`` and ``describe node`` show it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_kubernetes import clock
from local_kubernetes.events import NODE as _NAME
from local_kubernetes.resources import Column, Kind
from local_kubernetes.version import VERSION, architecture, system

from .columns import age

Object = dict[str, Any]
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_MAX_PODS = 1000
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "pods run as processes of this machine"),
)


def local_node(directory: Path, allocatable: Mapping[str, str]) -> Object:
    """The node as it registers itself.

    :param directory: where pods keep their files; its disk is the node's storage.
    :param allocatable: what pods may have of it, where that is limited.
    """
    labels = {
        "kubernetes.io/arch": architecture(),
        "kubernetes.io/hostname": _NAME,
        "kubernetes.io/os": system(),
        "node-role.kubernetes.io/control-plane": "",
    }
    metadata = {"name": _NAME, "labels": labels}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {},
        "status": node_status(directory, allocatable),
    }


def node_status(directory: Path, allocatable: Mapping[str, str]) -> Object:
    """What there is on this machine, and that it is well."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    there = {
        "cpu": str(os.cpu_count() or 1),
        "ephemeral-storage": f"{shutil.disk_usage(directory).total // 1024}Ki",
        "memory": f"{memory}Ki",
        "pods": str(_MAX_PODS),
    }
    now = clock.now()
    conditions = [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in _CONDITIONS
    ]
    return {
        "capacity": there,
        "allocatable": {**there, **allocatable},
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": socket.gethostname()},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        "nodeInfo": _node_info(),
    }


def _node_info() -> Object:
    return {
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kernelVersion": platform.release(),
        "osImage": _os_image(),
        "containerRuntimeVersion": "local-processes://1",
        "kubeletVersion": VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": system(),
        "architecture": architecture(),
    }


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.platform(terse=True)


def _complete(obj: Object) -> Object:
    """What the node's controller does: a cordoned node has a taint that says so."""
    spec = {name: value for name, value in (obj.get("spec") or {}).items() if value not in (None, False, [])}
    taints = [taint for taint in spec.pop("taints", []) if taint.get("key") != _UNSCHEDULABLE]
    if spec.get("unschedulable"):
        taints.append({"key": _UNSCHEDULABLE, "effect": "NoSchedule"})
    if taints:
        spec["taints"] = taints
    return {**obj, "spec": spec}


def _status(obj: Object) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or []
    ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "Unknown")
    word = {"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")
    return f"{word},SchedulingDisabled" if obj["spec"].get("unschedulable") else word


def _roles(obj: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    found = [key.removeprefix(prefix) for key in obj["metadata"].get("labels") or {} if key.startswith(prefix)]
    return ",".join(sorted(found)) or "<none>"


def _address(kind: str) -> Any:
    def value(obj: Object) -> str:
        addresses = (obj.get("status") or {}).get("addresses") or []
        return next((a["address"] for a in addresses if a["type"] == kind), "<none>")

    return value


def _info(name: str) -> Any:
    return lambda obj: ((obj.get("status") or {}).get("nodeInfo") or {}).get(name) or "<unknown>"


NODE = Kind(
    plural="nodes",
    kind="Node",
    singular="node",
    namespaced=False,
    short_names=("no",),
    subresources=("status",),
    fields=frozenset({"spec.unschedulable"}),
    columns=(
        Column("Name", lambda obj: obj["metadata"]["name"], format="name"),
        Column("Status", _status),
        Column("Roles", _roles),
        Column("Age", age),
        Column("Version", _info("kubeletVersion")),
        Column("Internal-IP", _address("InternalIP"), priority=1),
        Column("External-IP", _address("ExternalIP"), priority=1),
        Column("OS-Image", _info("osImage"), priority=1),
        Column("Kernel-Version", _info("kernelVersion"), priority=1),
        Column("Container-Runtime", _info("containerRuntimeVersion"), priority=1),
    ),
    complete=_complete,
)
