"""What a pod needs where a namespace enforces the Pod Security Standard `restricted`, and no more rights than that.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baton.settings import settings

if TYPE_CHECKING:
    from kubernetes.client import V1Container, V1Pod

WORKLOADS_USER = 65532
"""As the image of the workloads has it."""
_SCRATCH = "scratch"
_SCRATCH_PATH = "/tmp"  # noqa: S108 - in a pod, a volume of its own


def pod_security() -> dict[str, Any]:
    """Return the security context of a pod. The setting `fs_group` lets it write to claims that belong to a group."""
    group = settings().fs_group
    return {
        "runAsNonRoot": True,
        "runAsUser": WORKLOADS_USER,
        "runAsGroup": WORKLOADS_USER,
        "seccompProfile": {"type": "RuntimeDefault"},
        **({} if group is None else {"fsGroup": group}),
    }


def container_security(*, read_only: bool = True) -> dict[str, Any]:
    """Return the security context of a container.

    :param read_only: nothing but its volumes can be written.
    """
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {**own, "readOnlyRootFilesystem": True} if read_only else own


def restrict(pod: V1Pod, base: str) -> None:
    """Give the containers that say nothing of their rights none, and the base container a `/tmp` that it can write.

    :param base: the name of the base container.
    """
    for container in pod.spec.init_containers or []:
        # Of somebody else's image nobody knows where it writes.
        container.security_context = container.security_context or container_security(read_only=False)
    for container in pod.spec.containers:
        container.security_context = container.security_context or container_security()
        if container.name == base:
            _add_scratch(pod, container)


def _add_scratch(pod: V1Pod, container: V1Container) -> None:
    from kubernetes.client import V1EmptyDirVolumeSource, V1Volume, V1VolumeMount

    if any(mount.mount_path == _SCRATCH_PATH for mount in container.volume_mounts or []):
        return
    volume = V1Volume(name=_SCRATCH, empty_dir=V1EmptyDirVolumeSource())
    pod.spec.volumes = [*(pod.spec.volumes or []), volume]
    mount = V1VolumeMount(name=_SCRATCH, mount_path=_SCRATCH_PATH)
    container.volume_mounts = [*(container.volume_mounts or []), mount]
