"""Which Kubernetes this server follows."""

from __future__ import annotations

import platform

RELEASE = "v1.36.2"
VERSION = f"{RELEASE}+local"


def architecture() -> str:
    """This machine's processor as Go names it: ``amd64``, ``arm64``."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def system() -> str:
    """This machine's operating system as Go names it: ``linux``, ``darwin``."""
    return platform.system().lower()
