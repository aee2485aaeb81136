"""Run what fills in folders whose files mean nothing by themselves; only for a report, never where DAGs are made."""

from __future__ import annotations

import shutil
import subprocess

from baton.cronjobs.manifests.sources import Source

_SECONDS = 120
"""For one folder; kustomize may fetch parts of it from elsewhere."""


def fill(source: Source) -> str | None:
    """What `kubectl kustomize` prints for a folder; None for another program, or if kubectl is not there.

    :raises OSError: it fails, with what it says.
    """
    if source.kind != "kustomize" or shutil.which(source.command[0]) is None:
        return None
    try:
        done = subprocess.run(source.command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as err:
        raise OSError(f"no end after {_SECONDS} seconds") from err
    except UnicodeDecodeError as err:
        raise OSError("it prints something that is no UTF-8") from err
    if done.returncode:
        raise OSError(" ".join(done.stderr.split())[:500] or f"it ends with code {done.returncode}")
    return done.stdout
