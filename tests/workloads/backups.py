"""The stages of a backup, as a test runs them."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pyrage
from tests.workloads.chain import INCLUDE, SHOP
from tests.workloads.in_process import Outcome, run_workload
from tests.workloads.postgres_server import Server

KEY = "ab" * 32
MORE = """
CREATE INDEX ON visits (note);
CREATE VIEW names AS SELECT id, name FROM people;
CREATE SEQUENCE numbers; SELECT nextval('numbers') FROM generate_series(1, 7);
CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1;
CREATE TABLE measured (day date, value int) PARTITION BY RANGE (day);
CREATE TABLE measured_old PARTITION OF measured FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE measured_new PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
INSERT INTO measured SELECT date '2025-12-20' + i, i FROM generate_series(1, 30) i;
CREATE TABLE "odd name" (baton_row text, "select" int);
INSERT INTO "odd name" VALUES ('x', 1), ('x', 1), (NULL, NULL);
"""


@dataclass
class Backups:
    """A source, a store and a scratch server, and the commands on them."""

    source: str
    environment: dict[str, str]
    tools: Path

    @property
    def root(self) -> Path:
        """Give the store's folder; the tests that ask use ``file://``."""
        return Path(self.environment["BATON_BACKUPS_URI"].removeprefix("file://"))

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """Give a command's words and environment."""
        base = {
            "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(INCLUDE),
            "PYTHONWARNINGS": "error",
        }
        return [sys.executable, "-m", "baton_workloads", "backup", *words], base | self.environment

    def run(self, *words: str, **changes: str) -> Outcome:
        """Run one command in this process."""
        command, environment = self.command(*words)
        return run_workload(*command[3:], environment=environment | changes)

    def spawn(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """Start one command as a process, as a pod does."""
        command, environment = self.command(*words)
        return subprocess.Popen(
            command, env=environment | changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def dump(self, run_key: str = "2026-11-22") -> list[str]:
        """Dump and give the parts."""
        parts: list[str] = self.run("dump", "--run-key", run_key).result["parts"]
        return parts

    def sealed(self, run_key: str = "2026-11-22") -> str:
        """Dump, seal, and give the backup's name."""
        parts = [word for part in self.dump(run_key) for word in ("--part", part)]
        return str(self.run("seal", "--run-key", run_key, *parts).result["backup"])

    def proven(self, run_key: str = "2026-11-22") -> str:
        """Dump, seal, drill, and give the backup's name."""
        name = self.sealed(run_key)
        assert self.run("drill", name).code == 0
        return name

    def manifest(self, name: str) -> Path:
        """Give a manifest's file."""
        return self.root / "manifests" / f"{name}.json"

    def chunks(self, name: str) -> list[Path]:
        """Give the files of a backup's data."""
        content: dict[str, Any] = json.loads(self.manifest(name).read_text())
        return [self.root / chunk["path"] for part in content["parts"] for chunk in part["chunks"]]

    def execute(self, *statements: str, database: str = "") -> None:
        """Change the source, or another database."""
        with psycopg.connect(database or self.source, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def query(self, query: str, database: str = "") -> list[tuple[Any, ...]]:
        """Ask the source, or another database."""
        with psycopg.connect(database or self.source) as connection:
            return connection.execute(query.encode()).fetchall()


def make_backups(server: Server, root: str) -> Backups:
    """Make a filled source, keys, and a store that is empty."""
    identity = pyrage.x25519.Identity.generate()
    environment = {
        "BATON_SHOP_BACKUP_DSN": server.database(),
        "BATON_SCRATCH_DSN": server.dsn("postgres"),
        "BATON_BACKUPS_URI": root,
        "BATON_BACKUP_RECIPIENTS": str(identity.to_public()),
        "BATON_BACKUP_IDENTITY": str(identity),
        "BATON_BACKUP_MANIFEST_KEY": KEY,
    }
    made = Backups(environment["BATON_SHOP_BACKUP_DSN"], environment, server.bin)
    made.execute(SHOP, MORE)
    return made


def kill_at_random(spawn: Callable[[], "subprocess.Popen[str]"], tries: int) -> None:
    """Let a stage run once to its end, which tells how long it takes, then kill it at other moments of that time."""
    began = time.monotonic()
    whole = spawn()
    _, said = whole.communicate(timeout=60)
    lasts = time.monotonic() - began
    assert whole.returncode == 0, said
    seed = secrets.randbits(32)
    print(f"kills of seed {seed} within {lasts:.2f} s")
    random = Random(seed)
    for _ in range(tries):
        process = spawn()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(lasts * random.uniform(0.3, 1.0))  # before that it only imports
        process.kill()
        process.communicate()
