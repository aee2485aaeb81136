"""The stages of the chain, as a test runs them."""

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from tests.workloads.in_process import Outcome, run_workload
from tests.workloads.postgres_server import Server

INCLUDE = Path(__file__).parents[2] / "include"
KEY = "0f" * 32
DAY = "2026-11-22"

SHOP = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE people (
    id bigint PRIMARY KEY, code uuid NOT NULL UNIQUE, name text, email text, phone text, born date, mood mood,
    salary numeric(12,2), score numeric, tags text[], doc jsonb, friend bigint REFERENCES people, seen timestamptz);
INSERT INTO people
SELECT i, md5(i::text)::uuid, 'Name ' || i, 'person' || i || '@example.com', '+49 151 ' || (1000000 + i),
       date '1960-01-01' + i, 'good', i * 1.25, i / 7.0, ARRAY['a', 'b c'], jsonb_build_object('n', i),
       nullif(i / 2, 0), timestamptz '2026-01-01' + i * interval '1 hour'
  FROM generate_series(1, 500) i;
INSERT INTO people (id, code) VALUES (0, md5('0')::uuid);
CREATE TABLE visits (
    person bigint NOT NULL REFERENCES people, number int NOT NULL, note text, PRIMARY KEY (person, number));
INSERT INTO visits SELECT i % 500, i, E'note\n"' || i FROM generate_series(1, 2000) i;
CREATE TABLE empty (id int PRIMARY KEY, what text);
"""
POLICIES: dict[str, Any] = {
    "people": {"columns": {
        "id": {"rule": "pseudonym", "domain": "person"},
        "code": {"rule": "pseudonym", "domain": "code"},
        "name": "null",
        "email": "mask_email",
        "phone": "mask_phone",
        "born": {"rule": "generalise_date", "to": "year"},
        "mood": "keep",
        "salary": {"rule": "generalise_number", "step": 100},
        "score": "keep",
        "tags": "keep",
        "doc": "keep",
        "friend": {"rule": "pseudonym", "domain": "person"},
        "seen": {"rule": "generalise_date", "to": "day"},
    }},
    "visits": {"columns": {
        "person": {"rule": "pseudonym", "domain": "person"},
        "number": "keep",
        "note": "drop",
    }},
    "empty": {"columns": {"id": "keep", "what": {"rule": "fixed", "value": "nothing"}}},
}  # fmt: skip


@dataclass
class Chain:
    """The stages of the chain with the environment of one test."""

    source: str
    warehouse: str
    environment: dict[str, str]
    policies: dict[str, Any] = field(default_factory=dict)

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """Give a command's words and environment."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(INCLUDE),
            "PYTHONWARNINGS": "error",
            **{name: text for name, text in os.environ.items() if name.startswith("COVERAGE_")},
            "BATON_POLICIES": json.dumps(self.policies),
            **self.environment,
        }
        return [sys.executable, "-m", "baton_workloads", "etl", *words], environment

    def run(self, *words: str, **changes: str) -> Outcome:
        """Run one command in this process."""
        command, environment = self.command(*words)
        return run_workload(*command[3:], environment=environment | changes)

    def spawn(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """Start one command as a process, as a pod does."""
        command, environment = self.command(*words)
        # What a killed process leaves behind goes with the test's own directory.
        temporary = Path(self.environment["BATON_RAW_URI"].removeprefix("file://")).with_name("temporary")
        temporary.mkdir(exist_ok=True)
        environment["TMPDIR"] = str(temporary)
        return subprocess.Popen(
            command, env=environment | changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def export(self, run_key: str = DAY) -> dict[str, str]:
        """Export and give the raw manifests."""
        manifests: dict[str, str] = self.run("export", "--run-key", run_key).result["manifests"]
        return manifests

    def transform(self, raw: str) -> str:
        """Transform one dataset and give the processed manifest."""
        return str(self.run("transform", "--manifest", raw).result["manifest"])

    def load(self, processed: str, *options: str) -> str:
        """Load one dataset and give the outcome."""
        return str(self.run("load", "--manifest", processed, *options).result["outcome"])

    def to_processed(self, run_key: str = DAY) -> dict[str, str]:
        """Export and transform all datasets."""
        return {dataset: self.transform(raw) for dataset, raw in self.export(run_key).items()}

    def to_warehouse(self, run_key: str = DAY) -> dict[str, str]:
        """Export, transform and load all datasets; give the processed manifests."""
        processed = self.to_processed(run_key)
        for uri in processed.values():
            assert self.load(uri) == "loaded"
        return processed

    def validate(self, processed: dict[str, str]) -> Outcome:
        """Validate a run."""
        return self.run("validate", *(word for uri in processed.values() for word in ("--manifest", uri)))

    def execute(self, database: str, *statements: str) -> None:
        """Change the source or the warehouse."""
        with psycopg.connect(database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def query(self, database: str, query: str) -> list[tuple[Any, ...]]:
        """Ask the source or the warehouse, in a session whose text forms are fixed."""
        with psycopg.connect(
            database, options="-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres"
        ) as connection:
            return connection.execute(query.encode()).fetchall()


@dataclass
class Loaded:
    """A chain with two runs of the same source.

    :param processed: manifests of the run that is in the warehouse.
    :param following: manifests of the run after it, transformed and not yet loaded.
    """

    chain: Chain
    processed: dict[str, str]
    following: dict[str, str]

    def copy(self, server: Server) -> "Loaded":
        """Give the same with a warehouse of its own; source and files are those of all copies, to be read only.

        A run key names files: whoever runs a stage again takes a key of its own.
        """
        warehouse = server.database(like=self.chain.warehouse)
        environment = self.chain.environment | {"BATON_WAREHOUSE_DSN": warehouse}
        policies = copy.deepcopy(self.chain.policies)
        return replace(self, chain=replace(self.chain, warehouse=warehouse, environment=environment, policies=policies))


def make_chain(server: Server, raw: str, processed: str) -> Chain:
    """Make a chain with a fresh source and warehouse."""
    source, warehouse = server.database(), server.database()
    environment = {
        "BATON_SOURCE_DSN": source,
        "BATON_WAREHOUSE_DSN": warehouse,
        "BATON_RAW_URI": raw,
        "BATON_PROCESSED_URI": processed,
        "BATON_PSEUDONYM_KEY": KEY,
    }
    return Chain(source, warehouse, environment)


def filled(chain: Chain) -> Chain:
    """Fill a chain's source with people, visits and an empty table."""
    chain.execute(chain.source, SHOP)
    chain.policies = copy.deepcopy(POLICIES)
    return chain
