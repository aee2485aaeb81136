"""Whether containers can have control groups of their own, found out by trying.

Only the server's own group is divided, so that limits set on the server hold for its pods. The kernel allows that when
no process is left in it: the server moves itself into a group below, which it does only when nobody else is in there.
That is so in a systemd unit or scope with ``Delegate=yes`` and in a container whose only program is the server.
Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (Delegation, No Internal Process Constraint) and
 https://systemd.io/CGROUP_DELEGATION/
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from .memory import ControlGroup, descendants

_OWN = "local-kubernetes-server"
_TRIAL_LIMIT_BYTES = 32 << 20
_TRIAL = "import sys; open(sys.argv[1] + '/cgroup.procs', 'w').write('0'); b'x' * (64 << 20)"
_TRY_SECONDS = 20


def find() -> tuple[Path | None, str]:
    """The group below which containers get theirs, or None; and a sentence on why."""
    try:
        group = _own_group()
        _divide(group)
        _try(group)
    except (OSError, subprocess.TimeoutExpired) as err:
        return None, f"memory limits are measured, not kept by the kernel: {err}"
    return group, f"memory limits are kept by the kernel, below {group}"


def _own_group() -> Path:
    """This process's group of version 2.

    :raises OSError: there is none, or memory is not counted in it.
    """
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    paths = [line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")]
    roots = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
    if not roots or not paths:
        raise OSError("there are no control groups of version 2")
    group = Path(roots[0]) / paths[0].lstrip("/")
    if group.name == _OWN:
        group = group.parent
    if "memory" not in (group / "cgroup.controllers").read_text().split():
        raise OSError("the control group of this process counts no memory")
    return group


def _divide(group: Path) -> None:
    """Move this server into a group below its own, and have memory counted in all groups there.

    :raises OSError: other processes are in it, or it belongs to somebody else.
    """
    inside = {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    own = {os.getpid(), *descendants(os.getpid())}
    if inside and (group / "cgroup.type").exists():  # the machine's root group has none and may keep its processes
        if inside - own:
            raise OSError("other processes share this one's control group; systemd-run --user --scope -p Delegate=yes")
        below = group / _OWN
        below.mkdir(exist_ok=True)
        for pid in inside:
            (below / "cgroup.procs").write_text(str(pid))
    (group / "cgroup.subtree_control").write_text("+memory")


def _try(group: Path) -> None:
    """Have a process killed for its memory.

    :raises OSError: that did not happen.
    """
    directory = group / "local-kubernetes-trial"
    trial = ControlGroup(str(directory), _TRIAL_LIMIT_BYTES)
    command = [sys.executable, "-S", "-c", _TRIAL, str(directory)]
    subprocess.run(command, capture_output=True, timeout=_TRY_SECONDS, check=False)
    if not trial.finish():
        raise OSError("a limit was not kept")


def remove(directory: Path) -> None:
    """Remove the control groups of a pod's runs, whose shims could not."""
    for path in directory.glob("containers/*/*/spec.json"):
        with contextlib.suppress(OSError, ValueError):
            group = json.loads(path.read_text()).get("controlGroup")
            if group:
                Path(group).rmdir()
