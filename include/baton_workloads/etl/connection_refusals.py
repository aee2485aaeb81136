"""Why a PostgreSQL connection could not be opened: libpq gives no SQLSTATE for that, only texts.

Its own texts are English: the driver brings a libpq without translations. A server speaks its own language. So what is
not understood is told apart by how far the login went: who was asked for a password, gave it and is refused then, is
refused because of it, save for rare cases; who is refused before may meet a server that starts or is full.
Source: fe-connect.c and fe-secure-openssl.c of libpq, postmaster.c and auth.c of PostgreSQL.
"""

import re
import socket
from typing import TYPE_CHECKING

from baton_workloads.errors import ConfigurationError, TransientError, WorkloadError

if TYPE_CHECKING:
    import psycopg

_UNRESOLVED = re.compile(r"failed to resolve host .*\[Errno (-?\d+)\]", re.DOTALL)
_UNKNOWN_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_SERVER_SAYS = re.compile(r"failed: [^:\n]{1,20}: {2}")  # severity, in the server's language

# Text of the answer → what to do. The first that is found counts. A server of these will take connections later:
_LATER = (
    "the database system is",
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "terminating connection",
    "conflict with recovery",
    "server is in hot standby mode",
    "server is not in hot standby mode",
    "session is read-only",
    "session is not read-only",
)
_LOGIN = "refuses the login; check the DSN's user and password"
_NO_LOGIN = "refuses the login: it wants a password; add one to the DSN"
_NEVER = (
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        "refuses the login: its pg_hba.conf does not let the role in from here",
    ),
    (r"no password supplied", _NO_LOGIN),
    (r"authentication failed|is not permitted to log in", _LOGIN),
    (r'role ".*" does not exist', "refuses the login: it has no such role; check the DSN's user"),
    (r'database ".*" does not exist', "does not exist; check the DSN"),
    (r"not currently accepting connections", "is closed to connections; open it (ALTER DATABASE … ALLOW_CONNECTIONS)"),
    (r"permission denied for database", "refuses the login: the role may not connect to it (GRANT CONNECT)"),
    (r"root certificate file .* does not exist", "cannot be trusted: the CA file of the DSN's sslrootcert is missing"),
    (r"could not read root certificate file", "cannot be trusted: the DSN's sslrootcert is no readable CA file"),
    (r"certificate verify failed", "cannot be trusted: its certificate is not signed by the DSN's sslrootcert, or old"),
    (r"does not match host name|host name must be specified", "cannot be trusted: its certificate is for another host"),
    (r"does not support SSL", "does not support SSL, which the DSN's sslmode wants"),
    (r"certificate|private key", "cannot be asked: the DSN's sslcert or sslkey is wrong, or refused"),
    (r"channel binding|authentication method|GSSAPI|encryption", "does not offer what the DSN asks of its login"),
    (r"invalid response to SSL negotiation|expected authentication request", "is no PostgreSQL; check host and port"),
    (r"set parameter|configuration parameter|value for parameter", "refuses a setting; check the DSN's options"),
)
_NO_CONNECTION_YET = "connection is bad: "  # psycopg's words where libpq has not even tried


def refusal(err: "psycopg.Error", what: str) -> WorkloadError:
    """Give our error for a connection that was not opened, or was lost.

    :param what: ``source`` or ``warehouse``, for messages.
    """
    pgconn = err.pgconn
    asked = pgconn is not None and pgconn.needs_password
    return explained(str(err), what, asked=bool(asked), gave=bool(pgconn is not None and pgconn.used_password)) or (
        TransientError(f"{what} database does not answer ({type(err).__name__}); is it up?")
    )


def explained(text: str, what: str, *, asked: bool = False, gave: bool = False) -> WorkloadError | None:
    """Give our error for what libpq says, None where it says nothing but that nobody answers.

    :param asked: the server asked for a password, and there was none.
    :param gave: it was given one.
    """
    if found := _UNRESOLVED.search(text):
        return _unresolved(int(found[1]), what)
    if any(words in text for words in _LATER):
        return TransientError(f"{what} database takes no connections just now: it starts, stops or is full; try again")
    advice = next((advice for pattern, advice in _NEVER if re.search(pattern, text)), None)
    if advice is None and asked:
        advice = _NO_LOGIN
    if advice is None and gave and _SERVER_SAYS.search(text):
        advice = f"{_LOGIN}; the server's log says why"
    if advice is not None:
        return ConfigurationError(f"{what} database {advice}")
    if text.startswith(_NO_CONNECTION_YET) and 'on socket "' not in text:
        return ConfigurationError(f"{what} DSN has a parameter or a value that libpq does not know; correct it")
    if _SERVER_SAYS.search(text):
        return TransientError(f"{what} database refuses the connection; its log says why; tried again")
    return None


def _unresolved(number: int, what: str) -> WorkloadError:
    if number in _UNKNOWN_HOST:
        return ConfigurationError(f"{what} database has a host name that nobody knows; check the DSN's host")
    return TransientError(f"{what} database has a host name that could not be looked up just now; is the DNS up?")
