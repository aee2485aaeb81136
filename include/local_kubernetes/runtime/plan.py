"""From a container's spec and its image's runtime to what the shim runs."""

from __future__ import annotations

import os
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container runs: the isolation, its own directory, its pod's volumes, how much of its log is kept."""

    isolation: Isolation
    directory: Path
    sources: dict[str, Path]
    log_limit_bytes: int


def make(pod: Object, container: Object, runtime: Runtime, place: Place, find: Find) -> Spec:
    """Everything the shim has to know. Makes the container's scratch directory and termination log.

    :raises ConfigError: something the spec refers to is missing.
    """
    scratch = place.directory / "scratch"
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = variables(pod, container, find)
    binds = volumes.binds(pod, container, place.sources, own)
    note = place.directory / TERMINATION_LOG
    note.touch(mode=0o666)
    binds.append(Bind(str(note), container["terminationMessagePath"]))
    image = _image_environment(pod, runtime, scratch)
    paths = {} if place.isolation.level != "none" else {volumes.variable(bind.target): bind.source for bind in binds}
    limit_bytes, group = memory_limit(container), place.isolation.control_group
    return Spec(
        level=place.isolation.level,
        own_pids=place.isolation.own_pids,
        argv=_command(container, runtime, own),
        env={**image, **paths, **own},
        workdir=container.get("workingDir")
        or runtime.workdir
        or (str(scratch) if place.isolation.level == "none" else "/"),
        host_name=pod["metadata"]["name"],
        binds=binds,
        memory_bytes=limit_bytes,
        log_limit_bytes=place.log_limit_bytes,
        ignores_signals=not pod["spec"].get("shareProcessNamespace"),  # there another process is the first one
        control_group=str(group / _group_name(pod, place)) if group is not None and limit_bytes is not None else None,
    )


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
        "HOSTNAME": pod["metadata"]["name"],
        POD_VARIABLE: pod["metadata"]["uid"],
    }


def _command(container: Object, runtime: Runtime, own: dict[str, str]) -> list[str]:
    command = [expand(str(part), own) for part in container.get("command") or []]
    arguments = [expand(str(part), own) for part in container.get("args") or []]
    if not command:
        command = list(runtime.entrypoint)
        arguments = arguments or list(runtime.command)
    if not command and not arguments:
        raise ConfigError(
            f'no command specified: the container has none and the images file gives "{container["image"]}" none'
        )
    return [*command, *arguments]
