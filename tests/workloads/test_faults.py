"""What goes wrong ends with the right exit code and a clear last line, and never costs or doubles a row."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.workloads.chain import Loaded, filled, make_chain
from tests.workloads.postgres_server import Server


def path_of(uri: str) -> Path:
    """Give the path of a ``file://`` address."""
    return Path(uri.removeprefix("file://"))


def first_file(manifest: str) -> Path:
    """Give the first data file that a manifest names."""
    content = json.loads(path_of(manifest).read_text())
    return path_of(manifest).parent / content["files"][0]["path"]


def truncate(manifest: str) -> None:
    """Cut the first file in half."""
    file = first_file(manifest)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def damage(manifest: str) -> None:
    """Turn one bit in the middle."""
    file = first_file(manifest)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def remove(manifest: str) -> None:
    """Remove the first file."""
    first_file(manifest).unlink()


def lie_about_rows(manifest: str) -> None:
    """Promise one row more."""
    content = json.loads(path_of(manifest).read_text())
    content["rows"] += 1
    content["files"][0]["rows"] += 1
    path_of(manifest).write_text(json.dumps(content))


def lie_about_checksum(manifest: str) -> None:
    """Promise other bytes."""
    content = json.loads(path_of(manifest).read_text())
    content["files"][0]["sha256"] = "0" * 64
    path_of(manifest).write_text(json.dumps(content))


FAULTS = {
    truncate: "truncated",
    damage: "sha256",
    remove: "does not exist",
    lie_about_rows: "its manifest says",
    lie_about_checksum: "sha256",
}


@pytest.mark.parametrize(("fault", "message"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", ""))
def test_files_that_are_not_what_the_manifest_says_are_refused(
    people: Any, fault: Callable[[str], None], message: str
) -> None:
    """Transform, load and validate end as wrong data, name the file, and write nothing."""
    raw = people.export()
    processed = {dataset: people.transform(uri) for dataset, uri in raw.items()}
    fault(raw["people"])
    outcome = people.run("transform", "--manifest", raw["people"])
    assert (outcome.code, message in outcome.error) == (65, True), outcome.stderr
    fault(processed["visits"])
    outcome = people.run("load", "--manifest", processed["visits"])
    assert (outcome.code, message in outcome.error) == (65, True), outcome.stderr
    assert people.query(people.warehouse, "SELECT to_regclass('visits')") == [(None,)]


def test_raw_files_damaged_before_validation_are_noticed(people: Any) -> None:
    """The anti-join is not made against other bytes than those that were transformed."""
    processed = people.to_warehouse()
    raw = json.loads(path_of(processed["people"]).read_text())["parent"]["uri"]
    truncate(raw)
    outcome = people.validate(processed)
    assert (outcome.code, "truncated" in outcome.error) == (65, True), outcome.stderr


def test_a_new_column_stops_the_export_by_name(people: Any) -> None:
    """Personal data that nobody has decided about never leaves the source."""
    people.execute(people.source, "ALTER TABLE people ADD passport text")
    outcome = people.run("export", "--run-key", "d")
    assert outcome.code == 65
    assert "dataset people: column passport has no rule" in outcome.error
    assert not path_of(people.environment["BATON_RAW_URI"]).exists()


def test_a_policy_changed_after_the_export_is_checked_again(people: Any) -> None:
    """The transform does not rely on what the export has checked."""
    raw = people.export()
    del people.policies["people"]["columns"]["email"]
    outcome = people.run("transform", "--manifest", raw["people"])
    assert (outcome.code, "column email has no rule" in outcome.error) == (65, True)
    people.policies["people"]["columns"] |= {"email": "mask_email", "name": "keep"}
    outcome = people.run("transform", "--manifest", raw["people"])
    assert (outcome.code, "name were not exported" in outcome.error) == (65, True)


def test_policies_that_tear_a_foreign_key_apart_are_refused(people: Any) -> None:
    """One end as a pseudonym and the other kept would join nothing."""
    people.policies["visits"]["columns"]["person"] = {"rule": "pseudonym", "domain": "visitor"}
    outcome = people.run("export", "--run-key", "d")
    assert (outcome.code, "visits.person references people.id" in outcome.error) == (65, True)


@pytest.mark.parametrize(
    ("words", "change", "code", "message"),
    [
        (["export", "--run-key", "d"], {"BATON_SOURCE_DSN": ""}, 78, "BATON_SOURCE_DSN is not set"),
        (["export", "--run-key", "d"], {"BATON_SOURCE_DSN": "nonsense"}, 78, "no PostgreSQL address"),
        (["export", "--run-key", "d"], {"BATON_RAW_URI": "ftp://x"}, 78, "neither s3"),
        (["export", "--run-key", "d"], {"BATON_POLICIES": ""}, 78, "no policies"),
        (["export", "--run-key", "d"], {"BATON_POLICIES": "{"}, 78, "no JSON"),
        (["export", "--run-key", "d"], {"BATON_SOURCE_DSN": "postgresql://u@127.0.0.1:1/x"}, 75, "does not answer"),
        (["export", "--run-key", "../x"], {}, 65, "run key"),
        (["export"], {}, 2, "run-key"),
        (["transform", "--manifest", "file:///nowhere/manifest.json"], {}, 65, "does not exist"),
        (
            ["load", "--manifest", "s3://b/manifest.json"],
            {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"},
            78,
            "credentials",
        ),
        (["load", "--manifest", "file:///m"], {"BATON_WAREHOUSE_DSN": "snowflake://x"}, 78, "no address that a loader"),
    ],
)
def test_exit_codes_tell_permanent_from_transient(
    people: Any, words: list[str], change: dict[str, str], code: int, message: str
) -> None:
    """Configuration, data, and what may heal by itself are told apart."""
    outcome = people.run(*words, **change)
    assert outcome.code == code, outcome.stderr
    assert message in outcome.stderr
    assert outcome.stdout == ""


def test_a_missing_table_and_database_are_named(people: Any) -> None:
    """The message says which, and a retry is not worth while."""
    people.policies["ghosts"] = {"columns": {"id": "keep"}}
    outcome = people.run("export", "--run-key", "d")
    assert (outcome.code, "public.ghosts" in outcome.error) == (65, True)
    gone = people.source.rsplit("/", 1)[0] + "/gone"
    assert people.run("export", "--run-key", "d", BATON_SOURCE_DSN=gone).code == 78


@pytest.mark.parametrize("key", ["", "zz" * 32, "ab" * 8])
def test_a_missing_or_weak_key_is_a_wrong_configuration(people: Any, key: str) -> None:
    """No pseudonym is made with a key that somebody could guess."""
    raw = people.export()
    outcome = people.run("transform", "--manifest", raw["people"], BATON_PSEUDONYM_KEY=key)
    assert (outcome.code, "BATON_PSEUDONYM_KEY" in outcome.error) == (78, True)


@contextmanager
def store_that_answers(status: int, error: str) -> Iterator[str]:
    """Run an HTTP server that answers every request with one status."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = f"<Error><Code>{error}</Code></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = answer

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "error", "code"), [(503, "SlowDown", 75), (403, "AccessDenied", 78)])
def test_a_store_that_keeps_refusing_ends_the_stage(
    people: Any, s3: dict[str, str], status: int, error: str, code: int
) -> None:
    """A store that is busy may be tried again; one that forbids may not."""
    with store_that_answers(status, error) as url:
        environment = s3 | {"AWS_ENDPOINT_URL_S3": url, "BATON_RAW_URI": "s3://raw"}
        outcome = people.run("export", "--run-key", "d", **environment)
        assert outcome.code == code, outcome.stderr
        assert "s3://raw/" in outcome.error


def test_a_bucket_that_is_missing_is_a_wrong_configuration(people: Any, s3: dict[str, str]) -> None:
    """Nobody makes buckets by accident."""
    outcome = people.run("export", "--run-key", "d", **s3, BATON_RAW_URI="s3://no-such-bucket")
    assert (outcome.code, "NoSuchBucket" in outcome.error) == (78, True), outcome.stderr


def grow(chain: Any, rows: int) -> None:
    """Make a table that takes a second or two."""
    chain.execute(
        chain.source,
        f"INSERT INTO visits SELECT i % 500, i, repeat('x', 50) FROM generate_series(3000, {rows}) i",  # noqa: S608
    )


def until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until a condition holds or the process has ended."""
    deadline = time.monotonic() + 60
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


def parts(root: str) -> int:
    """Count files of data that are complete or on their way."""
    return len([p for p in path_of(root).rglob("*") if p.is_file() and p.name != "manifest.json"])


def test_an_export_that_is_killed_leaves_nothing_that_is_read(people: Any) -> None:
    """No manifest names what a killed export wrote; run again, all rows are there once."""
    grow(people, 200_000)
    raw = people.environment["BATON_RAW_URI"]
    process = people.spawn("export", "--run-key", "d")
    until(lambda: parts(raw) > 0, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -9
    assert not list(path_of(raw).rglob("manifest.json"))
    processed = people.to_warehouse("d")
    assert people.validate(processed).code == 0


def test_a_transform_that_is_killed_leaves_nothing_that_is_read(people: Any) -> None:
    """The manifest of an earlier attempt stays valid while a later attempt is killed."""
    grow(people, 200_000)
    raw = people.export("d")
    root = people.environment["BATON_PROCESSED_URI"]
    process = people.spawn("transform", "--manifest", raw["visits"])
    until(lambda: parts(root) > 0, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -9
    assert not list(path_of(root).rglob("manifest.json"))
    processed = {dataset: people.transform(uri) for dataset, uri in raw.items()}
    assert [people.load(uri) for uri in processed.values()] == ["loaded"] * 3
    assert people.validate(processed).code == 0


@pytest.fixture(scope="module")
def grown(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A warehouse that nobody changes, and a run whose load takes a second or two."""
    folder = tmp_path_factory.mktemp("grown")
    chain = filled(make_chain(server, f"file://{folder}/raw", f"file://{folder}/processed"))
    loaded = chain.to_warehouse("d")
    grow(chain, 200_000)
    return Loaded(chain, loaded, chain.to_processed("e"))


@pytest.mark.parametrize("milliseconds", [20, 150, 400])
def test_a_load_that_is_killed_changes_nothing(grown: Loaded, server: Server, milliseconds: int) -> None:
    """The old table stays; the next load finds no remains and loads all rows once."""
    people, processed = grown.copy(server).chain, grown.following
    process = people.spawn("load", "--manifest", processed["visits"])
    copying = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %'"
    until(lambda: bool(people.query(people.warehouse, copying)[0][0]), process)
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert people.query(people.warehouse, "SELECT count(*) FROM visits")[0][0] in {2000, 199_001}
    for uri in processed.values():
        assert people.load(uri) in {"loaded", "already_loaded"}
    assert people.load(processed["visits"]) == "already_loaded"
    assert people.query(people.warehouse, "SELECT count(*), count(DISTINCT number) FROM visits") == [(199_001, 199_001)]
    assert people.query(people.warehouse, "SELECT count(*) FROM pg_class WHERE relname LIKE 'baton_staging%'") == [(0,)]


def test_a_source_that_vanishes_is_transient(people_on_own_server: Any, own_server: Any) -> None:
    """An export whose database goes away may be tried again, and then is complete."""
    chain = people_on_own_server
    grow(chain, 400_000)
    process = chain.spawn("export", "--run-key", "d")
    until(lambda: parts(chain.environment["BATON_RAW_URI"]) > 0, process)
    own_server.stop()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75, stderr
    assert stderr.splitlines()[-1].startswith("error: ")
    own_server.start()
    assert chain.validate(chain.to_warehouse("d")).code == 0


def test_a_warehouse_that_vanishes_is_transient(people_on_own_server: Any, own_server: Any) -> None:
    """A load whose database goes away changes nothing and may be tried again."""
    chain = people_on_own_server
    grow(chain, 400_000)
    processed = chain.to_processed("d")
    process = chain.spawn("load", "--manifest", processed["visits"])
    copying = "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'COPY %'"
    until(lambda: bool(chain.query(chain.warehouse, copying)[0][0]), process)
    own_server.stop()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75, stderr
    own_server.start()
    assert [chain.load(uri) for uri in processed.values()] == ["loaded"] * 3
    assert chain.validate(processed).code == 0
