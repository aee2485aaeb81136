"""What `./baton` tells pip and uv while it makes `.venv`: which CAs they trust, and which index they ask.

Why: a company's CA stands in the system's store, in pip's settings or in a variable. pip reads some of these places,
older ones not the system's store, and uv reads others; uv reads no setting of pip's at all. What the user set for one
of them by name stays, the other one gets the same. Run by itself, before anything is installed: standard library only.
"""

from __future__ import annotations

import ast
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
)


def pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What pip is configured with, by files and variables, as ``pip install`` takes it: option → value."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=True).stdout
    found = [line.partition("=") for line in listed.splitlines() if "=" in line]
    options = {}
    for section in ("global.", "install.", ":env:."):  # the later one wins
        for name, _, value in found:
            if name.startswith(section):
                options[name.removeprefix(section)] = str(ast.literal_eval(value)).strip()
    return options


def system_bundle() -> str | None:
    """The file with the system's CAs; None where there is none, and on macOS, whose store is no file."""
    if sys.platform == "darwin":
        return None
    candidates = [*SYSTEM_BUNDLES, ssl.get_default_verify_paths().cafile]
    return next((path for path in candidates if path and os.path.isfile(path) and os.path.getsize(path)), None)


def installer_settings(environment: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """The variables to add for pip and uv."""
    added = {}
    for_pip = pip.get("cert") or environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    for_uv = environment.get("SSL_CERT_FILE") or environment.get("SSL_CERT_DIR")
    if not for_uv and (trusted := for_pip or system_bundle()):
        added["SSL_CERT_DIR" if os.path.isdir(trusted) else "SSL_CERT_FILE"] = trusted
    if for_uv and not os.path.exists(for_uv) and os.pathsep in for_uv:  # of several folders pip takes none
        for_uv = None
    if not for_pip and (trusted := for_uv or system_bundle()):
        added["PIP_CERT"] = trusted
    if sys.platform == "darwin":
        added["UV_SYSTEM_CERTS"] = "1"
    own_index = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE"} & set(environment)
    if "index-url" in pip and not own_index:
        added["UV_DEFAULT_INDEX"] = pip["index-url"]
    return added


if __name__ == "__main__":
    added = installer_settings(os.environ, pip_settings(os.environ))
    print("\n".join(f"{name}={value}" for name, value in added.items()))
