"""The server's certificates: verified strictly, made once, private."""

from __future__ import annotations

import ssl

import pytest
from cryptography import x509

from local_kubernetes import pki


@pytest.fixture
def files(tmp_path):
    """Certificates of a new server."""
    return pki.ensure(tmp_path / "pki")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "kubernetes.default.svc"])
def test_a_strict_client_trusts_the_server(files, host):
    """As Python 3.13 verifies by default: with key usages and the authority's key."""
    client, server = ssl.create_default_context(cafile=str(files.authority)), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_cert_chain(files.certificate, files.key)
    assert _shake_hands(client, server, host) == "verified"


def test_another_name_is_not_trusted(files):
    """Nor is another authority."""
    client, server = ssl.create_default_context(cafile=str(files.authority)), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(client, server, "example.com")
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(ssl.create_default_context(), server, "localhost")


def test_the_authority_outlives_the_server(files, tmp_path):
    """Kubeconfigs that were written before a restart stay good."""
    before = [path.read_bytes() for path in (files.authority, files.certificate, files.key)]
    assert pki.ensure(tmp_path / "pki") == files
    assert [path.read_bytes() for path in (files.authority, files.certificate, files.key)] == before


def test_nobody_else_reads_the_keys(files):
    """The folder and each file."""
    assert files.key.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files.key.parent.iterdir()} == {0o600}


def test_the_servers_certificate_is_no_authority(files):
    """It signs nothing, and whose key signed it is said."""
    found = x509.load_pem_x509_certificate(files.certificate.read_bytes()).extensions
    assert found.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert found.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes()).extensions
    own = authority.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert found.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> str:
    """Both sides in memory, until each has said all it has to say."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(to_client, to_server, server_hostname=host), server.wrap_bio(to_server, to_client, True)]
    for _ in range(10):
        for side in list(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            sides.remove(side)
        if not sides:
            return "verified"
    return "no end"
