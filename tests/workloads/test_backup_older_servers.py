"""Backups of older servers come back into them, into a newer one, and with whatever client tools are installed."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.workloads.backups import Backups, make_backups
from tests.workloads.postgres_server import Server, newest_tools, older_servers

from baton_workloads.backup import tools
from baton_workloads.errors import ConfigurationError

OLDER = older_servers()
# A row that looks like what is left out of the script, a value that a script has to quote, and a large object.
ODD = """
CREATE TABLE script (line text); INSERT INTO script SELECT E'SET transaction_timeout = 0;' FROM generate_series(1, 3);
INSERT INTO script VALUES (E'\\\\.'), (E'a\\nb\\t''\\u010d'), (NULL);
SELECT lo_from_bytea(0, decode(repeat('ab', 100000), 'hex'));
"""


@pytest.fixture(scope="module", params=OLDER or [pytest.param(0, marks=pytest.mark.skip("no older server is here"))])
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backups]:
    """A filled source on an older server, which is the scratch server, too; the newest client tools on PATH."""
    server = Server(tmp_path_factory.mktemp(f"postgres{request.param}"), OLDER[request.param])
    server.start()
    made = make_backups(server, f"file://{tmp_path_factory.mktemp('old')}/backups")
    made.execute(ODD)
    made.tools = newest_tools()
    yield made
    server.stop()


@pytest.fixture(params=["all", "newest"])
def with_tools(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is installed: a folder for each major version, or only what is on PATH."""
    if request.param != "all":
        monkeypatch.setattr(tools, "FOLDERS", ())
    return str(request.param)


def test_a_backup_of_an_older_server_comes_back(old: Backups, server: Server, with_tools: str) -> None:
    """Into the same major version, where the drill compares it, and into the newest."""
    name = old.sealed(with_tools)
    outcome = old.run("drill", name)
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["compared"]["shop"]["public.script"]["restored_rows"] == 6
    outcome = old.run("restore", name, "--to", server.database())
    assert outcome.code == 0, outcome.stderr


def test_a_newer_dump_goes_into_an_older_server_or_leaves_it_as_it_was(
    old: Backups, backups: Backups, server: Server, with_tools: str
) -> None:
    """It is said beforehand that it is older; what it does not know is refused for good, and nothing is left there."""
    name = backups.sealed()
    with psycopg.connect(old.source, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS target")
        connection.execute("CREATE DATABASE target")
    target = old.source.rsplit("/", 1)[0] + "/target"
    outcome = backups.run("restore", name, "--to", target)
    assert (outcome.code, "of PostgreSQL 18" in outcome.stderr) == (0, True), outcome.stderr
    backups.execute("CREATE TABLE newer (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)")
    outcome = backups.run("restore", backups.sealed("e"), "--to", target, "--replace")
    assert outcome.code == 65, outcome.stderr
    with psycopg.connect(target) as connection:
        [(people,)] = connection.execute("SELECT count(*) FROM people").fetchall()
    assert people == 501


def test_a_damaged_archive_is_never_committed(old: Backups, with_tools: str, tmp_path: Path) -> None:
    """Also where a script goes to psql, which would commit at the end of what it gets."""
    name = old.sealed(f"damaged-{with_tools}")
    chunk = old.chunks(name)[-1]
    content = bytearray(chunk.read_bytes())
    content[-50] ^= 1
    chunk.write_bytes(bytes(content))
    with psycopg.connect(old.source, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS target")
        connection.execute("CREATE DATABASE target")
    target = old.source.rsplit("/", 1)[0] + "/target"
    outcome = old.run("restore", name, "--to", target)
    assert (outcome.code, "sha256" in outcome.error) == (65, True), outcome.stderr
    with psycopg.connect(target) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone() == (0,)


HERE = [tools.Tool("/a", "18.1"), tools.Tool("/b", "15.4"), tools.Tool("/c", "17beta1")]


@pytest.mark.parametrize(
    ("least", "wanted", "found"),
    [(15, 15, "15.4"), (16, 16, "17beta1"), (14, 14, "15.4"), (15, 18, "18.1"), (18, 18, "18.1"), (15, 16, "17beta1"),
     (15, 19, "18.1"), (19, 19, None)],
)  # fmt: skip
def test_the_tool_that_fits_is_taken(
    monkeypatch: pytest.MonkeyPatch, least: int, wanted: int, found: str | None
) -> None:
    """The server's own version where it is there, else the next newer one, never one that is too old."""
    monkeypatch.setattr(tools, "installed", lambda name: HERE)
    if found is None:
        with pytest.raises(ConfigurationError, match="postgresql-client-19"):
            tools.fitting("pg_dump", least, wanted)
    else:
        assert tools.fitting("pg_dump", least, wanted).version == found
