"""The chain from source to warehouse, over each kind of store, as its commands run it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from tests.workloads.chain import Loaded

from baton_workloads.__main__ import GROUPS, workloads

PEOPLE = "SELECT * FROM people ORDER BY id::text"


def test_the_chain_brings_all_rows_masked_into_the_warehouse(people_anywhere: Any) -> None:
    """Counts agree, joins survive, and validate and purge end well."""
    chain = people_anywhere
    raw = chain.export()
    processed = {dataset: chain.transform(uri) for dataset, uri in raw.items()}
    assert [chain.load(uri) for uri in processed.values()] == ["loaded"] * 3
    validated = chain.validate(processed).result
    assert {d: r["rows"] for d, r in validated["datasets"].items()} == {"empty": 0, "people": 501, "visits": 2000}
    joined = (
        "SELECT count(*) FROM visits JOIN people ON people.id = visits.person JOIN people f ON f.id = people.friend"
    )
    assert chain.query(chain.warehouse, joined) == chain.query(chain.source, joined)
    purged = chain.run("purge-raw", *(word for uri in raw.values() for word in ("--manifest", uri))).result
    assert purged["files"] == 2
    assert chain.run("transform", "--manifest", raw["people"]).code == 65


def test_the_export_names_one_snapshot_and_all_manifests(people: Any) -> None:
    """The result holds what the DAG hands on."""
    result = people.run("export", "--run-key", "2026-11-22").result
    assert result["stage"] == "export"
    assert result["run_key"] == "2026-11-22"
    assert set(result["manifests"]) == {"people", "visits", "empty"}
    assert set(result["snapshot"]) == {"id", "taken_at", "system_identifier", "database", "timeline", "lsn"}
    assert result["rows"] == 2501
    snapshots = {
        json.loads(Path(uri.removeprefix("file://")).read_text())["snapshot"]["id"]
        for uri in result["manifests"].values()
    }
    assert snapshots == {result["snapshot"]["id"]}


def test_every_stage_run_again_changes_nothing(people: Any) -> None:
    """The same manifest is loaded once; a repeated run of the chain gives the same rows."""
    processed = people.to_warehouse()
    before = people.query(people.warehouse, PEOPLE)
    assert people.load(processed["people"]) == "already_loaded"
    people.to_warehouse()
    assert people.query(people.warehouse, PEOPLE) == before


def test_dropped_null_and_fixed_columns_are_never_exported(people: Any) -> None:
    """What needs no value stays in the source: not even the raw files hold it."""
    import duckdb

    raw = people.export()
    folder = Path(raw["visits"].removeprefix("file://")).parent
    names = duckdb.sql(f"SELECT name FROM parquet_schema('{folder}/*/*.parquet')").fetchall()  # noqa: S608
    assert ("note",) not in names
    assert ("person",) in names


def test_many_small_ranges_hold_each_row_once(people: Any, monkeypatch: Any) -> None:
    """A table read in many ranges of pages by several readers is complete, in one snapshot."""
    from baton_workloads.etl import ranges

    monkeypatch.setattr(ranges, "RANGE_BYTES", 8192 * 2)
    people.to_warehouse()
    ids = "SELECT count(*), count(DISTINCT id) FROM people"
    assert people.query(people.warehouse, ids) == [(501, 501)]
    numbers = "SELECT number FROM visits ORDER BY 1"
    assert people.query(people.warehouse, numbers) == people.query(people.source, numbers)


def test_rows_written_during_the_export_are_not_half_there(people: Any, monkeypatch: Any) -> None:
    """All readers see the snapshot's moment, whatever is written meanwhile."""
    from baton_workloads.etl import export

    copy = export._copy

    def write_then_copy(*arguments: Any) -> None:
        people.execute(
            people.source,
            "INSERT INTO people (id, code) VALUES (9999, md5('9999')::uuid)",
            "UPDATE people SET name = 'moved' WHERE id < 100",
            "DELETE FROM visits WHERE number > 100",
            "VACUUM people",
        )
        copy(*arguments)

    monkeypatch.setattr(export, "_copy", write_then_copy)
    people.to_warehouse()
    assert people.query(people.warehouse, "SELECT count(*) FROM people") == [(501,)]
    assert people.query(people.warehouse, "SELECT count(*) FROM visits") == [(2000,)]


def test_views_partitions_and_heirs_are_read_whole(file_chain: Any) -> None:
    """Each row of a view, a partitioned table and a table with heirs arrives once."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE parts_b (v text, id int)",
        "ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES FROM (100) TO (200)",
        "INSERT INTO parts SELECT i, 'v' || i FROM generate_series(0, 199) i",
        "CREATE TABLE heirs (id int)",
        "CREATE TABLE heir (extra int) INHERITS (heirs)",
        "INSERT INTO heirs VALUES (1); INSERT INTO heir VALUES (2, 2)",
        "CREATE VIEW seen AS SELECT id, v FROM parts WHERE id % 2 = 0",
        "CREATE MATERIALIZED VIEW kept AS SELECT id FROM parts",
    )
    keep = {"columns": {"id": "keep"}}
    both = {"columns": {"id": "keep", "v": "keep"}}
    file_chain.policies = {"parts": both, "seen": both, "heirs": keep, "kept": keep}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    for table in file_chain.policies:
        query = f"SELECT * FROM {table} ORDER BY id"  # noqa: S608
        assert file_chain.query(file_chain.warehouse, query) == file_chain.query(file_chain.source, query)


def test_strange_names_are_quoted(file_chain: Any) -> None:
    """Columns with quotes, blanks and reserved words pass every stage."""
    file_chain.execute(
        file_chain.source,
        """CREATE TABLE odd ("a ""b'" int PRIMARY KEY, "select" text, "p" text, "row_number" text, "Ünï" text)""",
        """INSERT INTO odd VALUES (1, 'a@b.com', 'x', 'y', '+49 151 2345678')""",
    )
    names = ["a \"b'", "select", "p", "row_number", "Ünï"]
    rules = [
        "keep",
        "mask_email",
        {"rule": "pseudonym", "domain": "d"},
        {"rule": "pseudonym", "domain": "d"},
        "mask_phone",
    ]
    file_chain.policies = {"odd": {"columns": dict(zip(names, rules, strict=True))}}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    assert file_chain.query(file_chain.warehouse, 'SELECT "a ""b\'", "select", "Ünï" FROM odd') == [
        (1, "a***@***.com", "***78")
    ]


def test_the_result_is_also_written_for_xcom(people: Any, tmp_path: Path) -> None:
    """The XCom file holds the same line as stdout."""
    outcome = people.run("export", "--run-key", "d", LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM=str(tmp_path))
    assert (tmp_path / "return.json").read_text() == outcome.stdout.splitlines()[-1]


def test_a_stage_as_a_process_writes_nothing_but_its_result_to_stdout(people: Any) -> None:
    """The last line of stdout is the result, and warnings are errors."""
    command, environment = people.command("export", "--run-key", "d")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_help_needs_no_engine_no_driver_and_no_airflow() -> None:
    """The command line is there before anything heavy is imported."""
    heavy = "duckdb polars pyarrow psycopg boto3 pydantic airflow"
    script = (
        "import sys; from baton_workloads.__main__ import main; main(['etl', 'validate', '--help']);"
        f"print([m for m in '{heavy}'.split() if m in sys.modules], file=sys.stderr)"
    )
    include = Path(__file__).parents[2] / "include"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(include)}, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert "--manifest" in done.stdout


def test_the_list_of_groups_needs_none_of_them() -> None:
    """What it says of each is what the group says of itself."""
    include = Path(__file__).parents[2] / "include"
    script = (
        "import sys; from baton_workloads.__main__ import main; main(['--help']);"
        "print([m for m in sys.modules if m.endswith('.cli')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(include)}, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    for name, said in GROUPS.items():
        group = workloads.get_command(click.Context(workloads), name)
        assert group is not None
        assert group.get_short_help_str(limit=200) == said
        assert f"{name} " in done.stdout
        assert f" {said}\n" in done.stdout


def test_no_stage_imports_pandas_or_numpy(loaded: Loaded) -> None:
    """The engine asks for them at every occasion, which would cost each stage a third of a second and 80 MB."""
    raw = loaded.chain.export("without-pandas")["people"]
    for stage, uri in [("transform", raw), ("validate", loaded.processed["people"])]:
        command, environment = loaded.chain.command(stage, "--manifest", uri)
        script = (
            "import sys; from baton_workloads.__main__ import main; code = main(sys.argv[1:]);"
            "print([m for m in ('duckdb', 'pandas', 'numpy') if m in sys.modules], file=sys.stderr); sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, *command[3:]], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "['duckdb']")
