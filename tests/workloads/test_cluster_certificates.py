"""Certificates of API servers: what clusters make for themselves is trusted, what is wrong is told at once."""

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from baton_workloads import kubernetes_client
from baton_workloads.errors import ConfigurationError

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402


def plain_authority(directory: Path, days: int = 1) -> tuple[Path, Path]:
    """An authority and a server certificate without key usages and authority key identifiers, as many clusters have."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("authority", "server")]
    certificates = []
    for name, key, is_authority in zip(names, keys, (True, False), strict=True):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=10 if is_authority else days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        certificates.append(builder.sign(keys[0], hashes.SHA256()))
    authority, served = directory / "ca.crt", directory / "server.pem"
    pem = serialization.Encoding.PEM
    authority.write_bytes(certificates[0].public_bytes(pem))
    secret = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    served.write_bytes(certificates[1].public_bytes(pem) + secret)
    return authority, served


class _Answer(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        """Answer as an API server that has nothing."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def server(served: Path) -> Iterator[tuple[str, list[int]]]:
    """An HTTPS server; its address, and a list that grows with each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served)
    connections: list[int] = []

    class Server(http.server.ThreadingHTTPServer):
        def get_request(self):  # type: ignore[no-untyped-def]
            connections.append(1)
            raw, address = super().get_request()
            return context.wrap_socket(raw, server_side=True), address

    with Server(("127.0.0.1", 0), _Answer) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{running.server_port}", connections
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def strict_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python verifies as strictly as since 3.13, whichever runs this test."""
    make = ssl.create_default_context

    def made(*arguments: object, **options: object) -> ssl.SSLContext:
        context = make(*arguments, **options)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", made)


def account(monkeypatch: pytest.MonkeyPatch, directory: Path, address: str, authority: Path) -> None:
    """Let this process be a pod with a service account."""
    (directory / "token").write_text("t")
    (directory / "namespace").write_text("baton")
    (directory / "ca.crt").write_bytes(authority.read_bytes())
    monkeypatch.setattr(kubernetes_client, "ACCOUNT", directory)
    monkeypatch.delenv(kubernetes_client.KUBECONFIG, raising=False)
    host, _, port = address.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)


@pytest.mark.usefixtures("strict_python")
def test_authority_of_a_cluster_is_trusted_though_it_says_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 alone would refuse such certificates; kubectl and every pod's client trust them."""
    authority, served = plain_authority(tmp_path)
    with server(served) as (address, _):
        account(monkeypatch, tmp_path, address, authority)
        with kubernetes_client.connect() as cluster:
            assert cluster.call("GET", "/api") == {}


@pytest.mark.parametrize(
    ("days", "own_authority", "why"),
    [(-1, True, "certificate has expired"), (1, False, "certificate signature failure")],
)
def test_refused_certificate_is_told_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, own_authority: bool, why: str
) -> None:
    """A permanent error with its cause after one connection, instead of eight with the name of a class."""
    authority, served = plain_authority(tmp_path, days)
    other = tmp_path / "other"
    other.mkdir()
    trusted = authority if own_authority else plain_authority(other)[0]
    with server(served) as (address, connections):
        account(monkeypatch, tmp_path, address, trusted)
        with (
            kubernetes_client.connect() as cluster,
            pytest.raises(ConfigurationError, match=f"certificate of {address} is refused: .*{why}"),
        ):
            cluster.call("GET", "/api")
        assert len(connections) == 1
