"""Run a program that refuses root (PostgreSQL) from a root shell, without creating users and without moving files."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from baton_local.errors import StackError

# nobody: owns nothing else, exists everywhere.
UNPRIVILEGED_ID = 65534

USER_NAMESPACE = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
# Keeping CAP_DAC_OVERRIDE lets the server reach its binaries and data below folders that only root may enter.
DROP_USER = [
    "setpriv",
    f"--reuid={UNPRIVILEGED_ID}",
    f"--regid={UNPRIVILEGED_ID}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--",
]


def _works(prefix: list[str]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


@cache
def prefix() -> tuple[str, ...]:
    """Words to put before a command so that it does not run as root; empty for an ordinary user.

    :raises StackError: root can neither make a user namespace nor change its user here.
    """
    if os.geteuid() != 0:
        return ()
    for candidate in (USER_NAMESPACE, DROP_USER):
        if _works(candidate):
            return tuple(candidate)
    raise StackError(
        "PostgreSQL refuses to run as root, and this container lets root neither make a user namespace nor change its "
        "user (setpriv). Run ./baton as an ordinary user, or install util-linux."
    )


def own(folder: Path) -> None:
    """Make ``folder`` and all below it belong to the user that ``prefix()`` runs commands as."""
    if os.geteuid() != 0:
        return
    owner = UNPRIVILEGED_ID if prefix() == tuple(DROP_USER) else 0
    for path in (folder, *folder.rglob("*")):
        if path.lstat().st_uid != owner:
            os.chown(path, owner, owner, follow_symlinks=False)
