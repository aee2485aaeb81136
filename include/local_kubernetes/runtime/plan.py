"""From a container's spec and its image's runtime to what the shim runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_kubernetes.images import Runtime
from local_kubernetes.kinds.pod_check import quantity

from . import volumes
from .attempt import Spec
from .environment import ConfigError, Find, expand, variables
from .isolation import Isolation
from .root_filesystem import Bind

Object = dict[str, Any]
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POD_VARIABLE = "LOCAL_KUBERNETES_POD_UID"  # marks every process of a pod
TERMINATION_LOG = "termination-log"


class NoCommandError(ConfigError):
    """Neither the container nor its image says what to run."""

    reason = "CreateContainerError"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container runs: the isolation, its own directory, its pod's volumes, how much of its log is kept.

    :param service_variables: where the server is, which every container is told.
    """

    isolation: Isolation
    directory: Path
    sources: dict[str, Path]
    log_limit_bytes: int
    service_variables: Mapping[str, str]


def make(pod: Object, container: Object, runtime: Runtime, place: Place, find: Find) -> Spec:
    """Everything the shim has to know. Makes the container's scratch directory and termination log.

    :raises ConfigError: something the spec refers to is missing.
    """
    check_user(pod, container, runtime.user)
    scratch = place.directory / "scratch"
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = variables(pod, container, find)
    binds = volumes.binds(pod, container, place.sources, own)
    note = place.directory / TERMINATION_LOG
    note.touch()
    note.chmod(0o666)  # whoever the container runs as
    binds.append(Bind(str(note), container["terminationMessagePath"]))
    image = _image_environment(pod, runtime, scratch)
    paths = {} if place.isolation.level != "none" else {volumes.variable(bind.target): bind.source for bind in binds}
    limit_bytes, group = memory_limit(container), place.isolation.control_group
    security = container.get("securityContext") or {}
    read_only = bool(security.get("readOnlyRootFilesystem"))
    binds += _uncovered([*_image_directories(image, runtime), str(scratch)], binds, read_only=read_only)
    return Spec(
        level=place.isolation.level,
        own_pids=place.isolation.own_pids,
        argv=_command(pod, container, runtime, own),
        env={**image, **place.service_variables, **paths, **own},
        workdir=container.get("workingDir")
        or runtime.workdir
        or (str(scratch) if place.isolation.level == "none" else "/"),
        host_name=host_name(pod),
        binds=binds,
        memory_bytes=limit_bytes,
        log_limit_bytes=place.log_limit_bytes,
        ignores_signals=not pod["spec"].get("shareProcessNamespace"),  # there another process is the first one
        read_only_root=read_only,
        no_new_privileges=security.get("allowPrivilegeEscalation") is False,
        control_group=str(group / _group_name(pod, place)) if group is not None and limit_bytes is not None else None,
    )


def _image_directories(image: Mapping[str, str], runtime: Runtime) -> list[str]:
    """Where an image's own files lie on this machine: environments with their ``bin``, and modules."""
    programs = [os.path.dirname(path) if os.path.basename(path) == "bin" else path for path in runtime.path]
    return [*programs, *filter(None, image.get("PYTHONPATH", "").split(os.pathsep))]


def _uncovered(directories: list[str], binds: list[Bind], *, read_only: bool) -> list[Bind]:
    """What a volume would hide, shown in it: a volume at ``/tmp`` must not take away an image that lies below it."""
    volumes_at = [bind.target.rstrip("/") + "/" for bind in binds]
    hidden = {os.path.realpath(each) for each in directories if os.path.realpath(each).startswith(tuple(volumes_at))}
    return [Bind(each, each, read_only) for each in sorted(hidden)]


def host_name(pod: Object) -> str:
    """What a pod's containers call their machine."""
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])


def memory_limit(container: Object) -> int | None:
    """``resources.limits.memory`` in bytes, or None."""
    value = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return None if value is None else int(quantity(value))


def _group_name(pod: Object, place: Place) -> str:
    return "-".join(("local-kubernetes", pod["metadata"]["uid"], place.directory.parent.name, place.directory.name))


def _image_environment(pod: Object, runtime: Runtime, scratch: Path) -> dict[str, str]:
    # Nothing of the server's own environment: it may hold credentials that a pod must not see.
    return {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        **runtime.env,
        "PATH": os.pathsep.join([*runtime.path, runtime.env.get("PATH", SYSTEM_PATH)]),
        "HOSTNAME": host_name(pod),
        POD_VARIABLE: pod["metadata"]["uid"],
    }


def _container_id(pod: Object, container: Object) -> str:
    return hashlib.sha256(f"{pod['metadata']['uid']}/{container['name']}".encode()).hexdigest()


def _command(pod: Object, container: Object, runtime: Runtime, own: dict[str, str]) -> list[str]:
    command = [expand(str(part), own) for part in container.get("command") or []]
    arguments = [expand(str(part), own) for part in container.get("args") or []]
    if not command:
        command = list(runtime.entrypoint)
        arguments = arguments or list(runtime.command)
    if not command and not arguments:
        raise NoCommandError(
            f'failed to generate container "{_container_id(pod, container)}" spec: failed to generate spec: '
            "no command specified"
        )
    return [*command, *arguments]


def check_user(pod: Object, container: Object, image_user: str | None) -> None:
    """What ``runAsNonRoot`` wants, as far as the image's user is known.

    :raises ConfigError: the container would run as root, or nobody can tell.
    """
    own, shared = container.get("securityContext") or {}, pod["spec"].get("securityContext") or {}
    user = own.get("runAsUser", shared.get("runAsUser"))
    if not own.get("runAsNonRoot", shared.get("runAsNonRoot")) or user:
        return
    metadata = pod["metadata"]
    where = f'(pod: "{metadata["name"]}_{metadata["namespace"]}({metadata["uid"]})", container: {container["name"]})'
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if image_user is None:
        return
    name = image_user.partition(":")[0]
    if not name.isdecimal() and name != "root":
        why = f"image has non-numeric user ({name}), cannot verify user is non-root"
        raise ConfigError(f"container has runAsNonRoot and {why} {where}")
    if name == "root" or int(name) == 0:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
