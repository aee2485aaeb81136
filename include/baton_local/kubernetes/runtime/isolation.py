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
_SOURCE_ROOT = Path(__file__).resolve().parents[3]
_TRY_SECONDS = 20
_TRIAL = """
import os, sys
from baton_local.kubernetes.runtime import namespaces, root
level, own_pids, place, volume = sys.argv[1:]
own_pids = own_pids == "True"
try:
    namespaces.prepare(level, own_pids=own_pids)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    binds = [root.Bind(volume, path) for path in ("/local-kubernetes/probe", "/etc/local-kubernetes")]
    root.enter(place, binds, "probe", own_pids=own_pids)
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
    if wanted != "auto":
        trouble = attempt(wanted)
        if trouble is not None:
            raise OSError(f"isolation level {wanted} does not work here: {trouble}. Use --isolation auto")
        return _complete(wanted, "as asked")
    reasons = []
    for level in LEVELS:
        trouble = attempt(level)
        if trouble is None:
            break
        reasons.append(f"{level}: {trouble}")
    return _complete(level, "; ".join(reasons) or "the best there is, and it works here")


def _complete(level: str, why: str) -> Isolation:
    """A level that works, with process trees and control groups where the machine allows them as well."""
    group, sentence = control_group.find()
    trouble = None if level == "none" else attempt(level, own_pids=True)
    if trouble is not None:
        sentence = f"containers share this machine's process tree: {trouble}; {sentence}"
    return Isolation(level, f"{why}; {sentence}", own_pids=level != "none" and trouble is None, control_group=group)


def main() -> None:
    """Print the level as JSON."""
    found = probe()
    print(json.dumps({"level": found.level, "why": found.why}))


if __name__ == "__main__":
    main()
