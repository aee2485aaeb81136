"""A certificate authority of this server's own, and the server's certificate.

Why TLS on loopback: client-go sends no bearer token over plain http, and in-cluster clients know only https.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from .private_files import write_private

_OWNER = "local-kubernetes"
_HOSTS = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of the server: ``authority`` is what clients trust, the others what TLS needs."""

    authority: Path
    certificate: Path
    key: Path


def ensure(directory: Path) -> Certificates:
    """The certificates in ``directory`` (0700), made at the first call; the keys are 0600."""
    files = Certificates(directory / "ca.crt", directory / "server.crt", directory / "server.key")
    if not files.key.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(files)
    return files


def _make(files: Certificates) -> None:
    authority = trustme.CA(path_length=0, organization_name=_OWNER, organization_unit_name="authority")
    issued = authority.issue_cert(*_HOSTS, organization_name=_OWNER, organization_unit_name="server")
    write_private(files.authority, authority.cert_pem.bytes())
    write_private(files.certificate, issued.cert_chain_pems[0].bytes())
    # The key is written last: it stands for the whole set. The authority's own is kept nowhere: it signs nothing else.
    write_private(files.key, issued.private_key_pem.bytes())
