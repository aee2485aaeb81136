"""What Kubernetes refuses of a pod's parts together: each is right by itself.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from baton.cronjobs.fields.container import Object, Rule, number_of
from baton.cronjobs.fields.values import Finding
from baton.cronjobs.manifests.yaml_documents import Path

_GROUPS = ("initContainers", "containers")
_DEFAULT_GRACE_SECONDS = 30
_BLOCKS = ("persistentVolumeClaim", "ephemeral")
_OF_HOST = {
    "hostNetwork": ("net.",),
    "hostIPC": ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."),
}
_NOT_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy", "capabilities",
    "readOnlyRootFilesystem", "privileged", "allowPrivilegeEscalation", "procMount",
)  # fmt: skip
_POD_NOT_ON_WINDOWS = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")


def containers_of(pod: Object) -> Iterator[tuple[Path, Object]]:
    """Yield each container that is one, with its place in the pod."""
    for group in _GROUPS:
        for position, container in enumerate(pod.get(group) or []):
            if container:
                yield (group, position), container


def pod(part: Object) -> Iterator[Finding]:
    """What of a pod does not go with what of it."""
    for rule in (_sleeps, _devices, _claims_once, _resize, _proc_mount, _sysctls, _amounts, _names, _gates):
        yield from rule(part)
    yield from _host_processes(part)
    system = (part.get("os") or {}).get("name")
    if system == "windows":
        yield from _windows(part)
    elif system == "linux":
        for path, container in containers_of(part):
            if (container.get("securityContext") or {}).get("windowsOptions") is not None:
                yield (*path, "securityContext", "windowsOptions"), "cannot stand beside os linux"


def _sleeps(part: Object) -> Iterator[Finding]:
    given = part.get("terminationGracePeriodSeconds")
    grace = _DEFAULT_GRACE_SECONDS if given is None else max(given, 1) if given < 0 else given
    for path, container in containers_of(part):
        for moment in ("postStart", "preStop"):
            handler = (container.get("lifecycle") or {}).get(moment) or {}
            seconds = (handler.get("sleep") or {}).get("seconds") or 0
            if seconds > grace:
                why = f"must be no more than the {grace} terminationGracePeriodSeconds of the pod, is {seconds}"
                yield (*path, "lifecycle", moment, "sleep", "seconds"), why


def _devices(part: Object) -> Iterator[Finding]:
    """A volume is a folder or a device for a container; a device is a claim's."""
    blocks = {
        volume.get("name") for volume in part.get("volumes") or [] if volume and any(volume.get(k) for k in _BLOCKS)
    }
    volumes = {(volume or {}).get("name") for volume in part.get("volumes") or []}
    for path, container in containers_of(part):
        mounts = [mount or {} for mount in container.get("volumeMounts") or []]
        names, paths = {mount.get("name") for mount in mounts}, {mount.get("mountPath") for mount in mounts}
        devices = [device or {} for device in container.get("volumeDevices") or []]
        twice = {key: Counter(device.get(key) for device in devices) for key in ("name", "devicePath")}
        for position, device in enumerate(devices):
            where, name, at = (*path, "volumeDevices", position), device.get("name"), device.get("devicePath")
            if name in volumes and name not in blocks:
                yield (*where, "name"), f"{name!r} must be a volume of a persistentVolumeClaim or ephemeral"
            if name and (name in names or twice["name"][name] > 1):
                yield (*where, "name"), f"{name!r} is a mount or another device of this container already"
            if at and (at in paths or twice["devicePath"][at] > 1):
                yield (*where, "devicePath"), f"{at!r} is the path of a mount or of another device"
            if ".." in str(at or "").split("/"):
                yield (*where, "devicePath"), f"{at!r} must not contain .."


def _claims_once(part: Object) -> Iterator[Finding]:
    for path, container in containers_of(part):
        used = Counter(
            ((claim or {}).get("name"), (claim or {}).get("request"))
            for claim in (container.get("resources") or {}).get("claims") or []
        )
        if any(count > 1 for count in used.values()):
            yield (*path, "resources", "claims"), "names a claim twice"


def _resize(part: Object) -> Iterator[Finding]:
    for path, container in containers_of(part):
        for position, policy in enumerate(container.get("resizePolicy") or []):
            where = (*path, "resizePolicy", position)
            if (policy or {}).get("resourceName") not in ("cpu", "memory"):
                yield (*where, "resourceName"), "must be cpu or memory"
            if not (policy or {}).get("restartPolicy"):
                yield (*where, "restartPolicy"), "is missing"
            elif part.get("restartPolicy") == "Never" and policy["restartPolicy"] != "NotRequired":
                yield (*where, "restartPolicy"), "must be NotRequired in a pod whose restartPolicy is Never"


def _proc_mount(part: Object) -> Iterator[Finding]:
    for path, container in containers_of(part):
        if (container.get("securityContext") or {}).get("procMount") == "Unmasked" and part.get(
            "hostUsers"
        ) is not False:
            yield (*path, "securityContext", "procMount"), "Unmasked needs hostUsers: false"


def _sysctls(part: Object) -> Iterator[Finding]:
    for position, sysctl in enumerate((part.get("securityContext") or {}).get("sysctls") or []):
        name = str((sysctl or {}).get("name") or "").replace("/", ".")
        for field, begins in _OF_HOST.items():
            if part.get(field) and name.startswith(begins):
                yield ("securityContext", "sysctls", position, "name"), f"{name} cannot stand beside {field}"


def _amounts(part: Object) -> Iterator[Finding]:
    """What a pod requests as a whole, and its containers."""
    whole = part.get("resources")
    if not whole:
        return
    if whole.get("claims"):
        yield ("resources", "claims"), "must not be set for a pod as a whole"
    for group in ("limits", "requests"):
        for name in whole.get(group) or {}:
            if name not in ("cpu", "memory") and not name.startswith("hugepages-"):
                yield ("resources", group, name), "must be cpu, memory or hugepages of a size, for a pod as a whole"
    limits, requests = whole.get("limits") or {}, whole.get("requests") or {}
    total: dict[str, Decimal] = {}
    for path, container in containers_of(part):
        own = container.get("resources") or {}
        for name, value in (own.get("limits") or {}).items():
            if path[0] == "containers" and name in limits and number_of(value) > number_of(limits[name]):
                yield (*path, "resources", "limits", name), f"{value} is more than the pod's limit of {limits[name]}"
        if path[0] == "containers":
            for name, value in (own.get("requests") or own.get("limits") or {}).items():
                total[name] = total.get(name, Decimal(0)) + number_of(value)
    for name, value in total.items():
        if name in requests and value > number_of(requests[name]):
            yield ("resources", "requests", name), f"must be at least the {value} of all containers"


def _names(part: Object) -> Iterator[Finding]:
    override = part.get("hostnameOverride")
    if override is not None:
        for field in ("setHostnameAsFQDN", "hostNetwork"):
            if part.get(field):
                yield ("hostnameOverride",), f"cannot stand beside {field}"


def _gates(part: Object) -> Iterator[Finding]:
    names = [(gate or {}).get("name") for gate in part.get("schedulingGates") or []]
    for position, name in enumerate(names):
        if name in names[:position]:
            yield ("schedulingGates", position), f"{name!r} is there twice"
    if names and part.get("nodeName"):
        yield ("nodeName",), "cannot stand beside schedulingGates"


def _host_processes(part: Object) -> Iterator[Finding]:
    """On Windows all containers are the host's processes, or none."""
    of_pod = _host_process(part)
    given = {path: _host_process(container) for path, container in containers_of(part)}
    for path, own in given.items():
        if None not in (own, of_pod) and own != of_pod:
            where = (*path, "securityContext", "windowsOptions", "hostProcess")
            yield where, f"must be {str(of_pod).lower()}, as for the pod"
    are = [of_pod if own is None else own for own in given.values()]
    if any(are):
        place: Path = ("securityContext", "windowsOptions", "hostProcess")
        if not all(are):
            yield place, "must be true for all containers, or for none"
        if not part.get("hostNetwork"):
            yield ("hostNetwork",), "must be true where hostProcess is"


def _host_process(part: Object) -> bool | None:
    options: Any = (part.get("securityContext") or {}).get("windowsOptions") or {}
    value: bool | None = options.get("hostProcess")
    return value


def _windows(part: Object) -> Iterator[Finding]:
    for field in _POD_NOT_ON_WINDOWS:
        if part.get(field) not in (None, False) or (
            part.get(field) is False and field in ("hostUsers", "shareProcessNamespace")
        ):
            yield (field,), "cannot stand beside os windows"
    places: list[tuple[Path, Object]] = [((), part), *containers_of(part)]
    for path, each in places:
        for field in _NOT_ON_WINDOWS:
            if (each.get("securityContext") or {}).get(field) not in (None, []):
                yield (*path, "securityContext", field), "cannot stand beside os windows"


RULES: dict[str, Rule] = {"core.PodSpec": pod}
"""By the type of the part, as `kubernetes_values` calls it."""
