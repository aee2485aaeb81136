"""Mail servers that want TLS and a login: the password never crosses a wire that others can read."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.workloads.postgres_server import free_port
from tests.workloads.signatures.post_office import PostOffice

from baton_workloads.errors import ConfigurationError, TransientError
from baton_workloads.smtp import Delivery, MailServer


class Always:
    """A claim that can always be had."""

    def take(self) -> bool:
        """Take it."""
        return True

    def give_back(self) -> None:
        """Do nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    """Let one user in."""
    known = isinstance(given, LoginPassword) and (given.login, given.password) == (b"shop", b"p@ss")
    return AuthResult(success=known, handled=False)


@pytest.fixture
def secure(certificate: Path) -> Iterator[PostOffice]:
    """A mail server that takes a login after STARTTLS only."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    office = PostOffice(port=free_port())
    server = Controller(
        office, hostname="127.0.0.1", port=office.port, tls_context=context, require_starttls=True,
        auth_required=True, authenticator=authenticate,
    )  # fmt: skip
    server.start()
    yield office
    server.stop()


def send(url: str) -> Delivery:
    """Send a mail."""
    message = EmailMessage()
    message.set_content("x")
    with MailServer(url) as server:
        return server.deliver(message, "a@shop.example", "b@example.org", Always())


def test_a_login_goes_over_trusted_tls(secure: PostOffice, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port of smtp:// is upgraded before user and password are said; both may be percent-encoded."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send(f"smtp://shop:p%40ss@127.0.0.1:{secure.port}") is Delivery.SENT
    assert len(secure.mails) == 1


@pytest.mark.parametrize(
    ("trusted", "login", "words"),
    [(False, "shop:p%40ss", "no trusted TLS"), (True, "shop:wrong", "refuses the login"), (True, "", "sender address")],
)
def test_what_is_not_trusted_gets_no_mail(
    secure: PostOffice, certificate: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, login: str, words: str
) -> None:
    """An unknown certificate, a wrong password and no login at all are settings to be fixed."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(ConfigurationError, match=words) as refused:
        send(f"smtp://{login}@127.0.0.1:{secure.port}" if login else f"smtp://127.0.0.1:{secure.port}")
    assert "wrong" not in str(refused.value)
    assert secure.mails == []


def test_a_password_is_not_said_to_a_server_without_tls(office: PostOffice) -> None:
    """Not even where the server would take it."""
    with pytest.raises(ConfigurationError, match="no trusted TLS"):
        send(f"smtp://shop:p%40ss@127.0.0.1:{office.port}")


def test_nobody_there_is_transient() -> None:
    """A server may come back."""
    with pytest.raises(TransientError, match="does not answer"):
        send("smtp://127.0.0.1:1")
