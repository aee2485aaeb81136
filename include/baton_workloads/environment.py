"""What a stage reads from its environment: secrets and addresses, one Secret per stage."""

import os
import re
from pathlib import Path

from baton_workloads.errors import ConfigurationError

CGROUP_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
MAX_THREADS = 4  # each thread holds one row group in memory, and four saturate most sources


def required(name: str) -> str:
    """Give the value of an environment variable.

    :raises ConfigurationError: it is not set; the pod lacks the Secret that holds it.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"environment variable {name} is not set; add it to this stage's Secret")
    return value


def mounted(path: Path) -> Path:
    """Give the place of a volume's mount: its path, or where the local Kubernetes put it for a pod without mounts."""
    name = "LOCAL_KUBERNETES_MOUNT_" + re.sub(r"[^A-Z0-9]", "_", path.as_posix().upper()).strip("_")
    return Path(os.environ.get(name) or path)


def threads() -> int:
    """Give the number of worker threads: the CPUs this container may use, at most :data:`MAX_THREADS`.

    Why the cgroup: a pod limited to one CPU on a node with 64 would otherwise start 64 readers.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _cgroup_cpus()
    return max(1, min(cpus, MAX_THREADS, limit if limit else cpus))


def _cgroup_cpus() -> int | None:
    try:
        quota, period = CGROUP_CPU_LIMIT.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))
