"""Which isolation this machine allows, found out by trying."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import control_group

LEVELS = ("mount", "user", "none")
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_TRY_SECONDS = 20
_TRIAL = """
import os, sys
from local_kubernetes.runtime import namespaces, root_filesystem
level, own_pids, place, volume = sys.argv[1:]
own_pids = own_pids == "True"
try:
    namespaces.prepare(level, own_pids=own_pids)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    binds = [root_filesystem.Bind(volume, path) for path in ("/local-kubernetes/probe", "/etc/local-kubernetes")]
    root_filesystem.enter(place, binds, "probe", own_pids=own_pids)
    open("/local-kubernetes/probe/written", "w").close()
    seen = "&& test -e /proc/1/stat -a ! -e /proc/3/stat" if own_pids else ""
    os.execv("/bin/sh", ["sh", "-c", "test -e /etc/local-kubernetes/written" + seen])
except OSError as err:
    print(err.strerror or err, flush=True)
    os._exit(1)
"""


@dataclass(frozen=True, slots=True)
class Isolation:
    """The level in use and a sentence on why it is that one.

    :param own_pids: each container also has a process tree of its own.
    :param control_group: below which a container with a memory limit gets a control group; without, it is measured.
    """

    level: str
    why: str
    own_pids: bool = False
    control_group: Path | None = None


def attempt(level: str, *, own_pids: bool = False) -> str | None:
    """Try a level for real, in a process of its own; None if it works, else what went wrong."""
    if level == "none":
        return None
    if sys.platform != "linux":
        return "it needs Linux"
    with tempfile.TemporaryDirectory(prefix="local-kubernetes-") as directory:
        places = [Path(directory) / name for name in ("root", "volume")]
        for place in places:
            place.mkdir()
        command = [sys.executable, "-S", "-c", _TRIAL, level, str(own_pids), *map(str, places)]
        env = {"PYTHONPATH": str(_SOURCE_ROOT), "PATH": os.defpath}
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=_TRY_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as err:
            return str(err)
    if done.returncode == 0:
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def probe(wanted: str = "auto") -> Isolation:
    """The level to use: the wanted one, or the best that works.

    :param wanted: ``auto`` or one of ``LEVELS``.
    :raises OSError: the wanted level does not work here; the message says why.
    """
    reasons: list[str] = []
    for level in LEVELS if wanted == "auto" else (wanted,):
        try:
            own_pids, note = _try(level)
        except OSError as err:
            reasons.append(f"{level}: {err}")
            continue
        group, sentence = control_group.find()
        why = reasons or ["as asked" if wanted != "auto" else "the best there is, and it works here"]
        return Isolation(level, "; ".join([*why, *note, sentence]), own_pids, group)
    raise OSError(f"isolation level {'; '.join(reasons)}: it does not work here. Use --isolation auto")


def _try(level: str) -> tuple[bool, list[str]]:
    """Whether containers of this level get process trees of their own, and a note if they do not.

    :raises OSError: the level does not work at all.
    """
    if level == "none":
        return False, []
    trouble = attempt(level, own_pids=True)
    if trouble is None:
        return True, []
    without = attempt(level)
    if without is not None:
        raise OSError(without)
    return False, [f"containers share this machine's process tree: {trouble}"]


def main() -> None:
    """Print the level as JSON."""
    found = probe()
    print(json.dumps({"level": found.level, "why": found.why}))


if __name__ == "__main__":
    main()
