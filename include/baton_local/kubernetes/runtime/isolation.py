"""Which isolation this machine allows, found out by trying."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LEVELS = ("mount", "user", "none")
_SOURCE_ROOT = Path(__file__).resolve().parents[3]
_TRY_SECONDS = 20
_TRIAL = """
import json, os, sys
from baton_local.kubernetes.runtime import root
level, place, volume = sys.argv[1:]
try:
    binds = [root.Bind(volume, path) for path in ("/local-kubernetes/probe", "/etc/local-kubernetes")]
    root.enter(level, place, binds, "probe")
    open("/local-kubernetes/probe/written", "w").close()
    os.execv("/bin/sh", ["sh", "-c", "test -e /etc/local-kubernetes/written"])
except OSError as err:
    print(err.strerror or err)
    sys.exit(1)
"""


@dataclass(frozen=True, slots=True)
class Isolation:
    """The level in use and a sentence on why it is that one."""

    level: str
    why: str


def attempt(level: str) -> str | None:
    """Try a level for real, in a process of its own; None if it works, else what went wrong."""
    if level == "none":
        return None
    if sys.platform != "linux":
        return "it needs Linux"
    with tempfile.TemporaryDirectory(prefix="local-kubernetes-") as directory:
        places = [Path(directory) / name for name in ("root", "volume")]
        for place in places:
            place.mkdir()
        command = [sys.executable, "-S", "-c", _TRIAL, level, *map(str, places)]
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
        return Isolation(wanted, "as asked")
    reasons = []
    for level in LEVELS:
        trouble = attempt(level)
        if trouble is None:
            break
        reasons.append(f"{level}: {trouble}")
    return Isolation(level, "; ".join(reasons) or "the best there is, and it works here")


def main() -> None:
    """Print the level as JSON."""
    found = probe()
    print(json.dumps({"level": found.level, "why": found.why}))


if __name__ == "__main__":
    main()
