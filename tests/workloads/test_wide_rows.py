# ruff: noqa: S608  (tests write their SQL themselves)
"""Rows of any width pass through all stages within the memory that is promised; what cannot fit is refused by name."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.workloads.chain import INCLUDE

PROMISED = 512 << 20
MD5 = "(SELECT string_agg(md5((i * 1000 + g)::text), '') FROM generate_series(1, {pieces}) g)"

# type of the column, value of row i, number of rows, rule
WIDE = {
    "many of 4 kB beside the pages": ("text", MD5.format(pieces=125), 20_000, "keep"),
    "many of 4 kB as pseudonyms": ("text", MD5.format(pieces=125), 10_000, {"rule": "pseudonym", "domain": "x"}),
    "compressed to a hundredth within the pages": ("text", "repeat('x', 100000) || i", 1_500, "keep"),
    "a few of 50 MB": ("text", "repeat(md5(i::text), (50 << 20) / 32)", 3, "keep"),
    "a few of 50 MB as pseudonyms": (
        "text", "repeat(md5(i::text), (50 << 20) / 32)", 2, {"rule": "pseudonym", "domain": "x"}
    ),
    "a few of 50 MB as telephone numbers": ("text", "repeat(md5(i::text), (50 << 20) / 32)", 1, "mask_phone"),
    "bytes of 1 MB": ("bytea", "decode(repeat(md5(i::text), 1 << 16), 'hex')", 100, "keep"),
    "documents of 5 MB": (
        "jsonb", "(SELECT jsonb_object_agg(g, md5(g::text)) FROM generate_series(1, 100000) g)", 6, "keep"
    ),
    "arrays of a million texts": ("text[]", "array(SELECT md5(g::text) FROM generate_series(1, 1000000) g)", 1, "keep"),
    "arrays of a million numbers": ("int[]", "array(SELECT g FROM generate_series(1, 1000000) g)", 2, "keep"),
    "arrays of many short texts": ("text[]", "array_fill('a'::text, ARRAY[60000])", 120, "keep"),
    "masked": ("text", "repeat(md5(i::text), 640) || '@b.de'", 6_000, "mask_email"),
}  # fmt: skip


MEASURE = """
import json, os, sys
import boto3, click, duckdb, polars, psycopg, pyarrow.parquet, pydantic, yaml
from baton_workloads.__main__ import main

for line in sys.stdin:
    words, environment = json.loads(line)
    child = os.fork()
    if not child:
        os.environ.clear()
        os.environ.update(environment)
        os.dup2(2, 1)
        os._exit(main(words))
    _, status, usage = os.wait4(child, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024]), flush=True)
"""


@pytest.fixture(scope="module")
def stages() -> Iterator["subprocess.Popen[str]"]:
    """A process that has imported what stages import, and forks for each: what that holds counts as the stage's."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(INCLUDE)}
    with subprocess.Popen(
        [sys.executable, "-c", MEASURE], env=own, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.communicate()


def peak(stages: "subprocess.Popen[str]", chain: Any, *words: str) -> int:
    """Run a stage as a process of its own and give the most memory that it held, in bytes."""
    command, environment = chain.command(*words)
    assert stages.stdin
    assert stages.stdout
    stages.stdin.write(json.dumps([command[3:], environment]) + "\n")
    stages.stdin.flush()
    code, size = json.loads(stages.stdout.readline())
    assert code == 0
    return int(size)


def manifest(root: str, dataset: str) -> str:
    """Give the address of a dataset's manifest."""
    return f"{root}/{dataset}/d/manifest.json"


LONG = {
    "a few of 50 MB as pseudonyms", "arrays of a million numbers", "arrays of many short texts", "masked",
    "compressed to a hundredth within the pages",
}  # fmt: skip
"""Run with `--soak`: what they do is done by the others, too, with another type or rule."""
CASES = [pytest.param(*case, id=name, marks=[pytest.mark.soak] if name in LONG else []) for name, case in WIDE.items()]


@pytest.mark.parametrize(("kind", "value", "rows", "rule"), CASES)
def test_wide_rows_pass_within_the_promised_memory(
    stages: "subprocess.Popen[str]", file_chain: Any, kind: str, value: str, rows: int, rule: Any
) -> None:
    """No stage holds more than 512 MB, and what is kept arrives as it was."""
    file_chain.execute(
        file_chain.source,
        f"CREATE TABLE things (id int PRIMARY KEY, v {kind})",
        f"INSERT INTO things SELECT i, {value} FROM generate_series(1, {rows}) i",
    )
    file_chain.policies = {"things": {"columns": {"id": "keep", "v": rule}}}
    raw, made = (manifest(file_chain.environment[name], "things") for name in ("BATON_RAW_URI", "BATON_PROCESSED_URI"))
    commands = {
        "export": ["--run-key", "d"],
        "transform": ["--manifest", raw],
        "load": ["--manifest", made],
        "validate": ["--manifest", made],
    }
    peaks = {stage: peak(stages, file_chain, stage, *words) for stage, words in commands.items()}
    assert {stage: size >> 20 for stage, size in peaks.items() if size > PROMISED} == {}
    if rule == "keep":
        sums = "SELECT count(*), sum(hashtextextended(v::text, id)) FROM things"
        assert file_chain.query(file_chain.warehouse, sums) == file_chain.query(file_chain.source, sums)


def test_a_large_array_in_the_first_of_many_rows_changes_how_all_travel(file_chain: Any) -> None:
    """The source's answer is read to its end, so that the snapshot lives on."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE things (id int PRIMARY KEY, v int[], n numeric(12,2))",
        "INSERT INTO things VALUES (0, array_fill(1, ARRAY[3000000]), 1.5)",
        "INSERT INTO things SELECT i, array_fill(i, ARRAY[4000]), i FROM generate_series(1, 1500) i",
    )
    rules = {"id": "keep", "v": "keep", "n": {"rule": "generalise_number", "step": 10}}
    file_chain.policies = {"things": {"columns": rules}}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    sums = "SELECT count(*), sum(hashtextextended(v::text, id)) FROM things"
    assert file_chain.query(file_chain.warehouse, sums) == file_chain.query(file_chain.source, sums)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "repeat('x', 60 << 20)"),
        ("bytea", "decode(repeat('00', 60 << 20), 'hex')"),
        ("jsonb", "to_jsonb(repeat('x', 60 << 20))"),
        ("text[]", "array_fill(repeat('x', 1000), ARRAY[60000])"),
        ("varbit", "repeat('1', 60 << 20)::varbit"),
    ],
)
def test_a_value_that_no_stage_can_hold_is_refused_by_name(file_chain: Any, kind: str, value: str) -> None:
    """The message names dataset and column; nothing is tried again."""
    file_chain.execute(
        file_chain.source, f"CREATE TABLE things AS SELECT 1 AS id, 'a'::text AS small, {value}::{kind} AS document"
    )
    columns = {"id": "keep", "small": "keep", "document": "keep"}
    file_chain.policies = {"things": {"columns": columns}}
    outcome = file_chain.run("export", "--run-key", "d")
    assert (outcome.code, "dataset things: column document holds a value of" in outcome.error) == (65, True)
    file_chain.policies = {"things": {"columns": columns | {"document": "drop"}}}
    assert file_chain.run("export", "--run-key", "d").code == 0


@pytest.mark.parametrize(("encoding", "value", "message"), [
    ("LATIN1", "repeat(chr(228), 40 << 20)", "column v holds a value of 80 MB"),
    ("SQL_ASCII", "E'\\xff'", "no valid UTF-8"),
])  # fmt: skip
def test_texts_that_are_no_utf_8_are_measured_and_named(
    file_chain: Any, server: Any, encoding: str, value: str, message: str
) -> None:
    """What counts is what the text becomes on its way."""
    database = f"t{secrets.token_hex(6)}"
    create = f"CREATE DATABASE {database} ENCODING {encoding} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    file_chain.execute(server.dsn("postgres"), create)
    source = server.dsn(database)
    file_chain.execute(source, f"CREATE TABLE things AS SELECT 1 AS id, {value}::text AS v")
    file_chain.policies = {"things": {"columns": {"id": "keep", "v": "keep"}}}
    outcome = file_chain.run("export", "--run-key", "d", BATON_SOURCE_DSN=source)
    assert (outcome.code, message in outcome.error) == (65, True), outcome.stderr


def test_rows_wider_than_the_statistics_say_are_read_once_more(file_chain: Any) -> None:
    """Statistics of the time before the rows became wide do not end the export."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE things (id int PRIMARY KEY, v text) WITH (autovacuum_enabled = false)",
        "INSERT INTO things SELECT i, '' FROM generate_series(1, 100000) i",
        "ANALYZE things",
        "UPDATE pg_class SET reltuples = 1e8 WHERE oid = 'things'::regclass",
        "TRUNCATE things",
        "INSERT INTO things SELECT i, repeat('x', 150000) || i FROM generate_series(1, 2040) i",
        "UPDATE pg_class SET reltuples = 1e8 WHERE oid = 'things'::regclass",
    )
    file_chain.policies = {"things": {"columns": {"id": "keep", "v": "keep"}}}
    outcome = file_chain.run("export", "--run-key", "d")
    assert outcome.result["rows"] == 2040
    assert "in smaller ranges" in outcome.stderr


def test_rows_of_a_view_that_are_too_wide_are_not_tried_again(file_chain: Any) -> None:
    """A view has no places to read it in ranges by; the error says what to do, and is permanent."""
    token = secrets.token_hex(4)
    file_chain.execute(
        file_chain.source,
        f"CREATE VIEW things AS SELECT i AS id, repeat('{token}', 40000) AS v FROM generate_series(1, 2000) i",
    )
    file_chain.policies = {"things": {"columns": {"id": "keep", "v": "keep"}}}
    outcome = file_chain.run("export", "--run-key", "d")
    assert (outcome.code, "export things: rows are too wide" in outcome.error) == (65, True), outcome.stderr
