"""A connection that is not opened: wrong for good, or only just now, and what to do about it."""

import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_server, socket

import psycopg
import pytest
from tests.workloads.postgres_server import Server, free_port

from baton_workloads.backup.programs import environment, failure
from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError
from baton_workloads.etl import database
from local_kubernetes import pki

SSL_REQUEST = struct.pack("!I", 80877103)
PERMANENT, TRANSIENT = ConfigurationError, TransientError


class Refusing:
    """A server that speaks the protocol until it refuses.

    :param asks: for a password first.
    """

    def __init__(self, code: str, text: str, *, severity: str = "FATAL", asks: bool = False) -> None:
        fields = {"S": severity, "V": "FATAL", "C": code, "M": text}
        body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items()) + b"\0"
        self._answer = b"E" + struct.pack("!I", len(body) + 4) + body
        self._asks = asks
        self.tls: ssl.SSLContext | None = None
        self._listener = create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._speak(connection)
                except OSError:
                    continue

    def _speak(self, connection: socket) -> None:
        if connection.recv(4096)[4:8] == SSL_REQUEST:
            connection.sendall(b"S" if self.tls else b"N")
            if self.tls:
                with self.tls.wrap_socket(connection, server_side=True) as secure:
                    self._refuse(secure)
                return
            connection.recv(4096)
        self._refuse(connection)

    def _refuse(self, connection: socket) -> None:
        if self.tls:
            connection.recv(4096)
        if self._asks:
            connection.sendall(b"R" + struct.pack("!II", 8, 3))
            connection.recv(4096)
        connection.sendall(self._answer)

    def close(self) -> None:
        """End listening."""
        self._listener.close()


@pytest.fixture
def refusing() -> Iterator[Callable[..., Refusing]]:
    """Makes servers that end with the test."""
    made: list[Refusing] = []

    def make(code: str, text: str, **options: object) -> Refusing:
        made.append(Refusing(code, text, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for server in made:
        server.close()


def refused(dsn: str) -> WorkloadError:
    """Connect, and give the error."""
    with pytest.raises(WorkloadError) as caught, database.connect(dsn, "source"):
        pass
    assert "secret" not in str(caught.value)
    return caught.value


SAID = [
    ("57P03", "the database system is starting up", TRANSIENT, "takes no connections just now"),
    ("57P03", "the database system is shutting down", TRANSIENT, "takes no connections just now"),
    ("57P03", "the database system is not yet accepting connections", TRANSIENT, "takes no connections just now"),
    ("53300", "sorry, too many clients already", TRANSIENT, "is full"),
    ("53300", 'too many connections for role "a"', TRANSIENT, "is full"),
    (
        "53300",
        'remaining connection slots are reserved for roles with privileges of the "pg_use_reserved_connections" role',
        TRANSIENT,
        "is full",
    ),
    ("28P01", 'password authentication failed for user "a"', PERMANENT, "user and password"),
    ("28000", 'role "a" does not exist', PERMANENT, "no such role"),
    ("28000", 'role "a" is not permitted to log in', PERMANENT, "user and password"),
    (
        "28000",
        'no pg_hba.conf entry for host "127.0.0.1", user "a", database "b", no encryption',
        PERMANENT,
        "pg_hba.conf",
    ),
    (
        "28000",
        'pg_hba.conf rejects connection for host "127.0.0.1", user "a", database "b", no encryption',
        PERMANENT,
        "pg_hba",
    ),
    ("3D000", 'database "b" does not exist', PERMANENT, "does not exist"),
    ("55000", 'database "b" is not currently accepting connections', PERMANENT, "closed to connections"),
    ("42501", 'permission denied for database "b"', PERMANENT, "GRANT CONNECT"),
    ("42704", 'unrecognized configuration parameter "nope"', PERMANENT, "options"),
]


@pytest.mark.parametrize(("code", "text", "kind", "advice"), SAID)
def test_what_a_server_says_at_the_login(
    refusing: Callable[..., Refusing], code: str, text: str, kind: type[WorkloadError], advice: str
) -> None:
    """It answers: so it is up, and the message says what to do instead."""
    error = refused(f"host=127.0.0.1 port={refusing(code, text).port} user=a dbname=b password=secret")
    assert type(error) is kind
    assert advice in str(error)
    assert "is it up" not in str(error)


def test_wrong_password_in_another_language_is_permanent(refusing: Callable[..., Refusing]) -> None:
    """Known by how far the login went."""
    text, words = "Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen", {"severity": "FATAL", "asks": True}
    error = refused(f"host=127.0.0.1 port={refusing('28P01', text, **words).port} user=a dbname=b password=secret")
    assert type(error) is PERMANENT
    assert "user and password" in str(error)


def test_missing_password_is_permanent_in_each_language(refusing: Callable[..., Refusing]) -> None:
    """The server asked for one."""
    server = refusing("28P01", "senza password", asks=True)
    error = refused(f"host=127.0.0.1 port={server.port} user=a dbname=b passfile=/nowhere")
    assert type(error) is PERMANENT
    assert "password" in str(error)


@pytest.mark.parametrize("severity", ["FATAL", "ВАЖНО", "致命的エラー", "FATAL "])
def test_refusal_that_nobody_understands_is_no_server_that_is_down(
    refusing: Callable[..., Refusing], severity: str
) -> None:
    """It may be starting: another try can help, and the server's log says why."""
    server = refusing("57P03", "il est en train de démarrer", severity=severity)
    error = refused(f"host=127.0.0.1 port={server.port} user=a dbname=b password=secret")
    assert type(error) is TRANSIENT
    assert "its log says why" in str(error)


@pytest.mark.parametrize(
    ("rest", "kind", "advice"),
    [
        ("host=127.0.0.1 port=1", TRANSIENT, "is it up?"),
        ("host=/nowhere", TRANSIENT, "is it up?"),
        ("host=unknown.invalid", PERMANENT, "host name that nobody knows"),
        ("host=127.0.0.1 port={port} sslmode=require", PERMANENT, "does not support SSL"),
        ("host=127.0.0.1 port={port} sslmode=nonsense", PERMANENT, "parameter or a value"),
        ("host=127.0.0.1 port=70000", PERMANENT, "parameter or a value"),
        ("host=127.0.0.1 port=abc", PERMANENT, "parameter or a value"),
        ("host=127.0.0.1 service=nope", PERMANENT, "parameter or a value"),
        ("host=127.0.0.1 target_session_attrs=nope", PERMANENT, "parameter or a value"),
        ("host=127.0.0.1 nope=nope", PERMANENT, "no PostgreSQL address"),
        ("nonsense", PERMANENT, "no PostgreSQL address"),
    ],
)
def test_what_the_client_finds(
    refusing: Callable[..., Refusing], rest: str, kind: type[WorkloadError], advice: str
) -> None:
    """Before any server has answered."""
    server = refusing("57P03", "the database system is starting up")
    error = refused(f"{rest.format(port=server.port)} user=a dbname=b password=secret")
    assert (type(error), advice in str(error)) == (kind, True), str(error)


def test_server_without_an_answer_is_asked_whether_it_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing."""
    monkeypatch.setattr(database, "CONNECT_TIMEOUT_SECONDS", 2)
    with create_server(("127.0.0.1", 0)) as silent:
        error = refused(f"host=127.0.0.1 port={silent.getsockname()[1]} user=a dbname=b")
    assert (type(error), "is it up?" in str(error)) == (TRANSIENT, True)


@pytest.fixture
def secure(refusing: Callable[..., Refusing], tmp_path: Path) -> str:
    """A server with a certificate for `localhost`; its CA's file is `ca.crt`, another's `other/ca.crt`."""
    files = pki.ensure(tmp_path)
    pki.ensure(tmp_path / "other")
    (tmp_path / "rubbish").write_text("rubbish")
    server = refusing("28P01", 'password authentication failed for user "a"')
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(files.certificate, files.key)
    return f"hostaddr=127.0.0.1 port={server.port} user=a dbname=b password=secret"


@pytest.mark.parametrize(
    ("rest", "advice"),
    [
        ("host=localhost sslmode=verify-full sslrootcert={}/missing", "CA file of the DSN's sslrootcert is missing"),
        ("host=localhost sslmode=verify-ca sslrootcert={}/rubbish", "no readable CA file"),
        ("host=localhost sslmode=verify-ca sslrootcert={}/other/ca.crt", "is not signed by"),
        ("host=db.example sslmode=verify-full sslrootcert={}/ca.crt", "for another host"),
        ("host=localhost sslmode=require sslcert={0}/rubbish sslkey={0}/ca.crt", "sslcert or sslkey"),
        ("host=localhost sslmode=verify-full sslrootcert={}/ca.crt", "user and password"),
    ],
)
def test_what_is_wrong_with_tls(secure: str, tmp_path: Path, rest: str, advice: str) -> None:
    """Nothing of it passes by itself."""
    error = refused(f"{secure} {rest.format(tmp_path)}")
    assert (type(error), advice in str(error)) == (PERMANENT, True), str(error)


def test_real_server(own_server: Server) -> None:
    """PostgreSQL itself: a wrong password, a rejected role, what does not exist, and a server that is gone."""
    with psycopg.connect(own_server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE knocking LOGIN PASSWORD 'right'")
        connection.execute("CREATE ROLE unwanted LOGIN")
        hba = own_server.data / "pg_hba.conf"
        lines = ("host all knocking all scram-sha-256", "host all unwanted all reject")
        hba.write_text("\n".join([*lines, hba.read_text()]))
        connection.execute("SELECT pg_reload_conf()")
    place = f"host=127.0.0.1 port={own_server.port}"
    cases = {
        f"{place} dbname=postgres user=knocking password=secret": "user and password",
        f"{place} dbname=postgres user=knocking passfile=/nowhere": "wants a password",
        f"{place} dbname=postgres user=unwanted": "pg_hba.conf",
        f"{place} dbname=postgres user=nobody": "no such role",
        f"{place} dbname=nothing user=postgres": "does not exist",
    }
    for dsn, advice in cases.items():
        error = refused(dsn)
        assert (type(error), advice in str(error)) == (PERMANENT, True), str(error)
    own_server.stop()
    assert type(refused(f"{place} dbname=postgres user=postgres")) is TRANSIENT


def test_value_that_the_client_cannot_send_is_wrong_data(own_server: Server) -> None:
    """The driver's own error without SQLSTATE: no server that is down."""
    with pytest.raises(DataError), database.connect(own_server.dsn("postgres"), "source") as connection:
        connection.execute("SELECT %s", [1, 2])


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('FATAL:  password authentication failed for user "a"', ConfigurationError),
        ('FATAL:  database "b" does not exist', ConfigurationError),
        ("FATAL:  the database system is starting up", TransientError),
        ("Connection refused", TransientError),
    ],
)
def test_programs_of_postgresql_are_told_apart_as_well(tmp_path: Path, line: str, kind: type[WorkloadError]) -> None:
    """They say "connection" each time."""
    said = tmp_path / "said"
    said.write_text(f'pg_dump: error: connection to server at "db" (10.0.0.1), port 5432 failed: {line}\n')
    with said.open() as file:
        assert type(failure("dump of b", 1, file)) is kind


def test_programs_of_postgresql_speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they say is read."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert environment(f"host=127.0.0.1 port={free_port()}")["LC_ALL"].startswith("C")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('ERROR:  unrecognized configuration parameter "transaction_timeout"', DataError),
        ('ERROR:  relation "connections" already exists', DataError),
        ("ERROR:  canceling statement due to lock timeout", TransientError),
        ('ERROR:  could not obtain lock on relation "people"', TransientError),
    ],
)
def test_a_name_in_a_refusal_does_not_make_it_pass_by_itself(tmp_path: Path, line: str, kind: type[Exception]) -> None:
    """What stands in quotes is no reason to try again."""
    said = tmp_path / "said"
    said.write_text(f"pg_restore: error: could not execute query: {line}\n")
    with said.open() as file:
        assert type(failure("restore of b", 1, file)) is kind
