"""A backup from dump to proof, and back: for stages and for operators."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from tests.workloads.backups import KEY, Backups
from tests.workloads.in_process import Outcome
from tests.workloads.postgres_server import Server


def test_a_backup_goes_all_the_way(anywhere: Backups) -> None:
    """Dumped, sealed, read back, restored, compared: every table with the rows that the source has, on each store."""
    name = anywhere.sealed()
    verified = anywhere.run("verify", name).result
    proven = anywhere.run("drill", name).result
    assert verified["digest"] == proven["digest"]
    tables = proven["compared"]["shop"]
    assert {table: item["restored_rows"] for table, item in tables.items()} == {
        "public.people": 501, "public.visits": 2000, "public.empty": 0, "public.measured": 0,
        "public.measured_old": 11, "public.measured_new": 19, 'public."odd name"': 3,
    }  # fmt: skip
    assert all(item["same"] for item in tables.values())
    assert anywhere.run("prune", "--days", "30", "--proven", name).result["kept"] == [name]


def test_what_a_dump_leaves_out_by_design_is_no_difference(backups: Backups) -> None:
    """An invalid index that a killed build left, an index whose column was renamed, an inherited table's own order."""
    backups.execute(
        "CREATE TABLE parent (a int)", 'CREATE TABLE child ("B x" text) INHERITS (parent)',
        "ALTER TABLE parent ADD c int", "INSERT INTO child VALUES (1, 'x', 3)",
    )  # fmt: skip
    with pytest.raises(psycopg.errors.UniqueViolation):
        backups.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON visits ((number % 7))")
    assert backups.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'broken'::regclass") == [(False,)]
    backups.execute("ALTER TABLE visits RENAME COLUMN note TO remark", "CREATE INDEX ON people (lower(name), born)")
    name = backups.sealed()
    outcome = backups.run("drill", name)
    assert outcome.code == 0, outcome.stderr


def test_what_another_server_lacks_or_would_begin_to_do_is_left_out(backups: Backups, own_server: Server) -> None:
    """Tablespaces need not exist there, and a subscription would take the changes of the source's; nothing is left."""
    backups.execute(
        "CREATE SUBSCRIPTION here CONNECTION 'host=127.0.0.1 dbname=x' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)",
    )
    with psycopg.connect(backups.source, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE fast LOCATION ''")
        connection.execute("CREATE TABLE on_fast TABLESPACE fast AS SELECT 1 AS id")
        connection.execute("CREATE INDEX on_fast_id ON on_fast (id) TABLESPACE fast")
    scratch = own_server.dsn("postgres")
    outcome = backups.run("drill", backups.sealed(), BATON_SCRATCH_DSN=scratch)
    backups.execute("DROP SUBSCRIPTION here", "DROP TABLE on_fast", "DROP TABLESPACE fast")
    assert outcome.code == 0, outcome.stderr
    left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'baton_drill%'"
    assert backups.query(left, scratch) == [(0,)]


def test_several_databases_belong_to_one_backup(backups: Backups, server: Server) -> None:
    """Each variable BATON_…_BACKUP_DSN is one; a restore names which."""
    backups.environment["BATON_LEDGER_BACKUP_DSN"] = other = server.database()
    backups.execute("CREATE TABLE entries AS SELECT generate_series(1, 3) AS id", database=other)
    name = backups.sealed()
    assert set(backups.run("drill", name).result["compared"]) == {"ledger", "shop"}
    target = server.database()
    assert "choose one with --database" in backups.run("restore", name, "--to", target).stderr
    assert backups.run("restore", name, "--to", target, "--database", "ledger").code == 0
    assert backups.query("SELECT count(*) FROM entries", target) == [(3,)]


def test_sealing_again_finds_the_same_backup(backups: Backups) -> None:
    """A retried seal makes no second backup of the same parts; other parts make another one with the next number."""
    parts = [word for part in backups.dump() for word in ("--part", part)]
    first, again = (backups.run("seal", "--run-key", "d", *parts).result for _ in range(2))
    assert (first["backup"], first["digest"], first["number"]) == (again["backup"], again["digest"], 1)
    backups.sealed("e")
    assert len(list((backups.root / "manifests").iterdir())) == 2


def test_a_part_that_was_changed_is_not_sealed(backups: Backups) -> None:
    """What a stage wrote travels with its digest."""
    [reference] = backups.dump()
    path = Path(reference.partition("#")[0].removeprefix("file://"))
    path.write_text(path.read_text().replace('"rows": 2000', '"rows": 2001'))
    outcome = backups.run("seal", "--run-key", "d", "--part", reference)
    assert (outcome.code, "not what its stage has written" in outcome.error) == (65, True)


@pytest.mark.skipif(shutil.which("age") is None or shutil.which("zstd") is None, reason="age or zstd is not installed")
def test_other_tools_open_a_backup(sealed: Any, server: Server, tmp_path: Path) -> None:
    """Without this project: `cat … | age -d | zstd -d | pg_restore`."""
    backups, name = sealed
    (tmp_path / "identity").write_text(backups.environment["BATON_BACKUP_IDENTITY"] + "\n")
    target = server.database()
    script = 'cat "$0"* | age -d -i "$1" | zstd -d | "$2" --no-owner --no-acl --exit-on-error -d "$3"'
    base = str(backups.chunks(name)[0]).removesuffix("0000")
    words = ["bash", "-euo", "pipefail", "-c", script, base, tmp_path / "identity", server.bin / "pg_restore", target]
    subprocess.run(words, check=True, timeout=60)
    assert backups.query("SELECT count(*) FROM people", target) == [(501,)]


def test_what_another_age_has_encrypted_is_read(backups: Backups) -> None:
    """Chunks of any size, and more than one recipient: every identity opens it."""
    import pyrage

    second = pyrage.x25519.Identity.generate()
    backups.environment["BATON_BACKUP_RECIPIENTS"] += f", {second.to_public()}"
    name = backups.sealed()
    assert backups.run("verify", name, BATON_BACKUP_IDENTITY=str(second)).code == 0
    stranger = str(pyrage.x25519.Identity.generate())
    outcome = backups.run("verify", name, BATON_BACKUP_IDENTITY=stranger)
    assert (outcome.code, "not encrypted to this identity" in outcome.error) == (78, True)
    assert stranger not in outcome.stderr


# What is wrong with the environment: exit code and words.
SURROUNDINGS = {
    "no recipients": ({"BATON_BACKUP_RECIPIENTS": ""}, 78, "BATON_BACKUP_RECIPIENTS is not set"),
    "a recipient that is none": ({"BATON_BACKUP_RECIPIENTS": "age1abc"}, 78, "no public age key"),
    "a short manifest key": ({"BATON_BACKUP_MANIFEST_KEY": "ab"}, 78, "too short"),
    "a manifest key that is none": ({"BATON_BACKUP_MANIFEST_KEY": "xyz"}, 78, "openssl rand"),
    "no database": ({"BATON_SHOP_BACKUP_DSN": ""}, 78, "no BATON_…_BACKUP_DSN"),
    "no tools": ({"PATH": "/nowhere"}, 78, "pg_dump is not on PATH"),
    "a server that is down": ({"BATON_SHOP_BACKUP_DSN": "postgresql://x@127.0.0.1:1/x"}, 75, "is it up?"),
    "a role that is none": ({"BATON_SHOP_BACKUP_DSN": "{dsn}?user=nobody"}, 78, "refuses the login"),
    "an option that is none": ({"BATON_SHOP_BACKUP_DSN": "{dsn}?foo=bar"}, 78, "is no PostgreSQL address"),
    "a server without SSL": ({"BATON_SHOP_BACKUP_DSN": "{dsn}?sslmode=require"}, 78, "does not support SSL"),
    "a database that is none": ({"BATON_SHOP_BACKUP_DSN": "{dsn}_gone"}, 78, "does not exist"),
}


@pytest.mark.parametrize(("changes", "code", "words"), SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_a_wrong_environment_is_named(
    backups_in_peace: Backups, changes: dict[str, str], code: int, words: str
) -> None:
    """The exit code tells whether another try may help, the words what to do; nothing is stored."""
    changed = {name: value.format(dsn=backups_in_peace.source) for name, value in changes.items()}
    outcome = backups_in_peace.run("dump", "--run-key", "d", **changed)
    assert (outcome.code, words in outcome.stderr) == (code, True), outcome.stderr
    assert not backups_in_peace.root.exists()


def test_a_dump_that_fails_in_the_middle_leaves_nothing(backups: Backups, tmp_path: Path) -> None:
    """pg_dump's output up to its failure is no backup: every chunk is taken back and nothing counts."""
    fake = tmp_path / "bin" / "pg_dump"
    fake.parent.mkdir()
    noise = f'"{backups.tools}/pg_dump" "$@"; head -c 300000 /dev/urandom; echo "pg_dump: error: connection lost" >&2'
    fake.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec "{backups.tools}/pg_dump" --version\n{noise}; exit 1\n')
    fake.chmod(0o755)
    changes = {"PATH": f"{fake.parent}{os.pathsep}{os.environ['PATH']}", "BATON_BACKUP_CHUNK_BYTES": "65536"}
    outcome = backups.run("dump", "--run-key", "d", **changes)
    assert (outcome.code, "connection lost" in outcome.error) == (75, True), outcome.stderr
    assert [path for path in backups.root.rglob("*") if path.is_file()] == []


def test_a_table_that_somebody_locks_fails_after_its_time(backups: Backups, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump does not wait for ever behind a migration."""
    from baton_workloads.etl import database

    monkeypatch.setattr(database, "SESSION", database.SESSION.replace(database.LOCK_TIMEOUT, "100ms"))
    with psycopg.connect(backups.source) as connection:
        connection.execute("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        outcome = backups.run("dump", "--run-key", "d")
    assert (outcome.code, "LockNotAvailable" in outcome.error) == (75, True), outcome.stderr


def test_a_server_that_ends_long_transactions_ends_no_dump(server: Server) -> None:
    """A dump is one transaction, however long; its snapshot and locks have to last."""
    from baton_workloads.etl import database

    dsn = server.database()
    limits = ("transaction_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for limit in limits:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {limit} = '5min'".encode())
    with database.connect(dsn, "source") as connection:
        assert [connection.execute(f"SHOW {limit}".encode()).fetchone() for limit in limits] == [("0",)] * 3


def test_restore_refuses_a_target_that_is_not_empty(sealed: Any, server: Server) -> None:
    """It says so, changes nothing, and does it when told to."""
    backups, name = sealed
    target = server.database()
    backups.execute("CREATE TABLE people (only_mine int)", database=target)
    refused = backups.run("restore", name, "--to", target)
    assert (refused.code, "--replace" in refused.error) == (65, True)
    assert backups.query("SELECT count(*) FROM people", target) == [(0,)]
    replaced = backups.run("restore", name, "--to", target, "--replace")
    assert replaced.code == 0, replaced.stderr
    assert "All 7 tables have the rows and checksums" in replaced.stdout
    assert backups.query("SELECT count(*) FROM people", target) == [(501,)]
    backups.execute("CREATE TABLE mine (x int)", "CREATE VIEW too AS SELECT 1", "DELETE FROM empty", database=target)
    again = backups.run("restore", name, "--to", target, "--replace")
    assert (again.code, "All 7 tables" in again.stdout) == (0, True), again.stderr  # what is there besides is left


def test_a_password_may_come_from_the_environment(sealed: Any, server: Server) -> None:
    """PGPASSWORD reaches pg_restore too, and no argument of it; a target without a name is refused before."""
    backups, name = sealed
    rules = server.data / "pg_hba.conf"
    rules.write_text("host all clerk 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    backups.execute("DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk SUPERUSER LOGIN PASSWORD 'Kanarienvogel'")
    backups.execute("SELECT pg_reload_conf()")
    target = server.database().replace("postgres@", "clerk@")
    assert backups.run("restore", name, "--to", target).code == 78
    outcome = backups.run("restore", name, "--to", target, PGPASSWORD="Kanarienvogel")
    assert outcome.code == 0, outcome.stderr
    nameless = target.rpartition("/")[0]
    outcome = backups.run("restore", name, "--to", nameless, PGPASSWORD="Kanarienvogel", PGDATABASE="postgres")
    assert (outcome.code, "names no database" in outcome.error) == (78, True), outcome.stderr


def test_restore_names_what_is_missing(sealed: Any) -> None:
    """All of it at once, with what it is for."""
    backups, name = sealed
    outcome = backups.run("restore", name, "--to", "postgresql://x/y", BATON_BACKUP_IDENTITY="", BATON_BACKUPS_URI="")
    assert outcome.code == 78
    assert "BATON_BACKUPS_URI: where" in outcome.stderr
    assert "the private age key" in outcome.stderr
    for words in (("restore", "2026-01-01T0100Z-abcdef", "--to", "postgresql://x/y"), ("verify", "yesterday")):
        wrong = backups.run(*words)
        assert (wrong.code, name in wrong.error) == (65, True), wrong.stderr
    stranger = {"BATON_BACKUP_MANIFEST_KEY": "cd" * 32}
    for words in (("restore", "latest", "--to", "postgresql://x/y"), ("verify", "latest"), ("list",)):
        wrong = backups.run(*words, **stranger)
        assert (wrong.code != 0, "is it the right one?" in wrong.stdout + wrong.error) == (True, True), wrong.stderr
    nowhere = backups.run("list", BATON_BACKUPS_URI=f"file://{backups.root}x")
    assert "0 backups. Is this the right address?" in nowhere.stdout


def test_restore_works_without_the_manifest_key(sealed: Any, server: Server) -> None:
    """When that key burned with the cluster, the identity alone brings the data back; rows are still counted."""
    backups, name = sealed
    target = server.database()
    changes = {"BATON_BACKUP_MANIFEST_KEY": ""}
    assert backups.run("restore", name, "--to", target, **changes).code == 78
    outcome = backups.run("restore", name, "--to", target, "--unsigned", **changes)
    assert (outcome.code, "All 7 tables have the rows that" in outcome.stdout) == (0, True), outcome.stderr


def test_a_damaged_backup_restores_nothing(sealed: Any, server: Server) -> None:
    """The last byte decides: pg_restore has everything else by then, and still nothing is committed."""
    backups, name = sealed
    path = backups.chunks(name)[-1]
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    target = server.database()
    outcome = backups.run("restore", name, "--to", target)
    assert outcome.code == 65
    assert backups.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", target) == [(0,)]


def test_latest_is_the_last_proven_one(two: Any, server: Server) -> None:
    """A newer backup that nobody has proven is not what an operator wants."""
    backups, _, proven = two
    newer = backups.sealed("c")
    assert backups.run("verify", "latest").result["backup"] == proven
    outcome = backups.run("restore", "latest", "--to", server.database())
    assert (outcome.code, proven in outcome.stdout, newer in outcome.stdout) == (0, True, False), outcome.stderr


def test_the_list_tells_what_there_is(two: Any) -> None:
    """Names, times, sizes, proofs; an old last proof is called old."""
    backups, _, name = two
    listed = backups.run("list").stdout
    assert name in listed
    assert "database shop (2,534 rows)" in listed
    assert "OLD" not in listed
    age(backups, 2)
    assert "OLD" in backups.run("list").stdout


def age(backups: Backups, days: int) -> None:
    """Make everything in the store older, as its writer would have written it then."""
    from baton_workloads.backup import manifest
    from baton_workloads.backup.catalogue import read_catalogue

    root, key = (
        backups.environment["BATON_BACKUPS_URI"],
        bytes.fromhex(backups.environment["BATON_BACKUP_MANIFEST_KEY"]),
    )
    back = timedelta(days=days)
    known = read_catalogue(root, key)
    previous = None
    for name, item in known.manifests.items():
        new = item.model_copy(update={"taken_at": item.taken_at - back, "previous": previous or item.previous})
        manifest.write(root, new, key)
        previous = manifest.Link(name=name, digest=manifest.digest(new))
        if name in known.proofs:
            manifest.write(root, known.proofs[name].model_copy(update={"digest": previous.digest}), key)
    for path in backups.root.rglob("*"):
        moment = time.time() - days * 86_400
        os.utime(path, (moment, moment))


def test_prune_removes_what_is_old_and_says_so_for_ever(backups: Backups) -> None:
    """Files go, the number stays known, nothing looks lost, and a newer proven backup is needed first."""
    old = backups.proven("a")
    files = backups.chunks(old)
    age(backups, 31)
    assert backups.run("prune", "--days", "30").result["pruned"] == []
    new = backups.proven("b")
    assert backups.run("prune", "--days", "30", "--dry-run").result["pruned"] == [old]
    assert backups.run("prune", "--days", "30", "--proven", new).result["pruned"] == [old]
    assert [path for path in files if path.exists()] == []
    assert backups.run("list").code == 0
    assert backups.run("verify", new).code == 0


def test_prune_refuses_when_the_last_proof_is_not_there_or_not_whole(backups: Backups) -> None:
    """Nothing old goes for a backup that is gone meanwhile."""
    backups.proven("a")
    age(backups, 31)
    unproven = backups.sealed("b")
    outcome = backups.run("prune", "--days", "30", "--proven", unproven)
    assert (outcome.code, "nothing was pruned" in outcome.error) == (65, True)
    new = backups.proven("c")
    backups.chunks(new)[0].write_bytes(b"")
    outcome = backups.run("prune", "--days", "30")
    assert (outcome.code, "missing or cut off; nothing was pruned" in outcome.error) == (65, True)


def test_prune_finishes_what_was_begun_but_never_with_the_last_proven_backup(two: Any) -> None:
    """A prune was killed after its note on the older one; then the newer one was lost."""
    from baton_workloads.backup import manifest

    backups, old, new = two
    root, key = backups.environment["BATON_BACKUPS_URI"], bytes.fromhex(KEY)
    item = manifest.read(root, manifest.Manifest, old, key)
    note = {"name": old, "number": item.number, "digest": manifest.digest(item), "pruned_at": datetime.now(UTC)}
    manifest.write(root, manifest.Pruned(**note), key)
    gone = [backups.manifest(new), backups.root / "proofs" / f"{new}.json"]
    contents = [path.read_bytes() for path in gone]
    for path in gone:
        path.unlink()
    assert backups.run("prune", "--days", "1").result["kept"] == [old]
    assert backups.run("verify", old).code == 0
    for path, content in zip(gone, contents, strict=True):
        path.write_bytes(content)
    assert backups.run("prune", "--days", "1").result["pruned"] == [old]


def test_a_clock_that_is_ahead_makes_nothing_old(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ages count back from the last proven backup: a node in the year 2036 prunes what another one would."""
    from baton_workloads.backup import prune

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=3650)

    backups, old, new = two
    monkeypatch.setattr(prune, "datetime", Ahead)
    assert backups.run("prune", "--days", "30", "--dry-run").result["kept"] == [old, new]


def test_a_backup_of_the_future_is_not_sealed(backups: Backups) -> None:
    """It would be the newest one until then: the one that is restored, and never pruned."""
    [reference] = backups.dump()
    path = Path(reference.partition("#")[0].removeprefix("file://"))
    part = json.loads(path.read_text()) | {"snapshot_at": (datetime.now(UTC) + timedelta(days=400)).isoformat()}
    path.write_text(json.dumps(part))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    outcome = backups.run("seal", "--run-key", "d", "--part", f"file://{path}#{digest}")
    assert (outcome.code, "in the future" in outcome.error) == (65, True), outcome.stderr


def test_a_backup_of_the_future_counts_as_not_proven(two: Any, server: Server) -> None:
    """Where one is there all the same, `list` says so, it is not `latest`, and nothing is pruned for it."""
    backups, *_ = two
    age(backups, -400)
    listed, restored = backups.run("list"), backups.run("restore", "latest", "--to", server.database())
    assert (listed.code, "is of the future" in listed.stdout) == (65, True)
    assert (restored.code, "no backup was ever proven" in restored.error) == (65, True)
    assert backups.run("prune", "--daily", "1").result["pruned"] == []


def test_prune_names_no_snapshots_where_a_manifest_cannot_be_read(two: Any) -> None:
    """Which ones that manifest names is unknown, and snapshots have no replica."""
    backups, old, new = two
    backups.manifest(old).write_text("{}")
    assert backups.run("prune", "--days", "30", "--proven", new).result["kept_snapshots"] == ["all"]


def test_prune_removes_what_killed_runs_left(two: Any) -> None:
    """Old data that no manifest names, partial files and parts; never what is new, never beside a damaged manifest."""
    backups, _, name = two
    left = backups.root / "data" / "a" / "shop-dead" / "shop.dump.zst.age.0000"
    partial = left.with_name(".x.abcd.partial")
    left.parent.mkdir()
    left.write_bytes(b"x")
    partial.write_bytes(b"x")
    assert backups.run("prune", "--days", "30").result["forgotten_files"] == 0
    age(backups, 3)
    whole = backups.manifest(name).read_text()
    backups.manifest(name).write_text("{}")
    backups.run("prune", "--days", "30")
    assert left.exists()
    backups.manifest(name).write_text(whole)
    assert backups.run("prune", "--days", "30").result["forgotten_files"] == 3
    assert not left.exists()
    assert not partial.exists()
    assert backups.run("verify", name).code == 0


def test_replicas_are_hashed_and_follow(two: tuple[Backups, str, str], tmp_path: Path) -> None:
    """Each of several replicas has all of it; what is there already is hashed and fixed, not copied again."""
    first, second = tmp_path / "one", tmp_path / "two"
    backups, _, name = two
    backups.environment["BATON_REPLICA_URI"] = f"file://{first}, file://{second}"
    assert backups.run("replicate").code == 0
    assert backups.run("verify", "latest", "--replica").result["backup"] == name
    for place in (first, second):
        moved = {"BATON_BACKUPS_URI": f"file://{place}"}
        assert backups.run("verify", name, **moved).code == 0
        assert backups.run("list", **moved).code == 0
    again = backups.run("replicate").result["replicas"][f"file://{first}"]
    assert (again["backups"], again["copied_bytes"], again["lag_seconds_before"]) == (0, 0, 0)
    (first / "manifests" / f"{name}.json").unlink()
    chunk = first / backups.chunks(name)[0].relative_to(backups.root)
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\0")
    repaired = backups.run("replicate").result["replicas"][f"file://{first}"]
    assert (repaired["backups"], repaired["copied_bytes"] > 0) == (1, True)
    assert backups.run("restore", "latest", "--to", backups.source, "--replica").code == 65  # the source is not empty


def test_a_replica_that_is_down_does_not_keep_the_others_from_theirs(two: Any, tmp_path: Path) -> None:
    """The run fails, and says which one."""
    backups, _, name = two
    (tmp_path / "file").write_text("")
    backups.environment["BATON_REPLICA_URI"] = f"file://{tmp_path}/file/x, file://{tmp_path}/other"
    outcome = backups.run("replicate")
    assert outcome.code != 0
    assert f"{tmp_path}/file/x" in outcome.stderr
    assert (tmp_path / "other" / "manifests" / f"{name}.json").exists()


def test_archives_of_any_size_come_back(tmp_path: Path) -> None:
    """Nothing, one byte, exactly one chunk, one byte more: byte for byte."""
    import pyrage

    from baton_workloads.backup.archive import Compressed, read_archive, write_archive

    identity = pyrage.x25519.Identity.generate()
    for size in (0, 1, 65536, 65537, 3_000_000):
        content = os.urandom(size)
        source = Compressed(io.BytesIO(content))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BATON_BACKUP_CHUNK_BYTES", "65536")
            made = write_archive(f"file://{tmp_path}", f"data/x/{size}", source, [str(identity.to_public())])
        back = io.BytesIO()
        assert read_archive(f"file://{tmp_path}", made.chunks, [identity], back.write) == size == made.raw_bytes
        assert back.getvalue() == content


def test_manifests_hold_no_value_and_no_secret(sealed: Any) -> None:
    """Names, numbers and keyed checksums: whoever guesses a small table's only row cannot find out that he is right."""
    backups, name = sealed
    text = backups.manifest(name).read_text()
    assert "person7@example.com" not in text
    assert backups.environment["BATON_BACKUP_IDENTITY"] not in text
    tables = json.loads(text)["parts"][0]["record"]["tables"]
    assert tables["public.empty"]["checksum"] != tables["public.measured"]["checksum"]
    assert datetime.fromisoformat(json.loads(text)["taken_at"]) <= datetime.now(UTC)


def test_a_part_comes_out_decrypted(backups: Backups, tmp_path: Path) -> None:
    """As `show` names it, into a file that only its owner reads; a damaged one leaves no file."""
    folder, output = tmp_path / "pages", tmp_path / "wiki.tar"
    folder.mkdir()
    (folder / "first").write_text("words")
    words = ("--run-key", "d", "--name", "wiki", "--image", "wiki:4", "--folder", str(folder))
    parts = [*backups.dump(), *backups.run("archive-files", *words).result["parts"]]
    name = backups.run("seal", "--run-key", "d", "--part", " ".join(parts)).result["backup"]
    shown = backups.run("show", name).stdout
    assert "application/wiki" in shown
    assert backups.run("extract", name, "application/wiki", "-o", str(output)).code == 0
    assert b"words" in output.read_bytes()
    assert output.stat().st_mode & 0o077 == 0
    for place in (output, tmp_path / "none" / "wiki.tar"):
        outcome = backups.run("extract", name, "application/wiki", "-o", str(place))
        assert (outcome.code, f"{place} " in outcome.error) == (65, True)
    path = backups.chunks(name)[-1]
    path.write_bytes(path.read_bytes()[:-1])
    assert backups.run("extract", name, "application/wiki", "-o", f"{output}2").code == 65
    assert not Path(f"{output}2").exists()


EMPTY = {
    "dump.sql.gz": gzip.compress(b""), "a/dump.bz2": bz2.compress(b""), "dump.xz": lzma.compress(b""),
    "dump.zst": zstandard.compress(b""), "backup.tgz": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_an_archive_of_nothing_is_no_backup(backups_in_peace: Backups, tmp_path: Path, name: str) -> None:
    """`pg_dump -h nowhere | gzip` ends well and writes 20 bytes."""
    (tmp_path / "version.txt").write_text("4.2")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(EMPTY[name])
    words = ("archive-files", "--run-key", "d", "--name", "w", "--image", "w", "--folder", str(tmp_path))
    outcome = backups_in_peace.run(*words)
    assert (outcome.code, f"wrote {name}, which holds nothing" in outcome.error) == (65, True)


def test_an_applications_files_that_became_much_less_are_no_backup(backups: Backups, tmp_path: Path) -> None:
    """A dump that was cut is compared with the backup before; a first one, and one of about the same size, pass."""
    folder = tmp_path / "wiki"
    folder.mkdir()
    dump = folder / "dump.sql"

    def stored(size_bytes: int, least_percent: int = 50) -> Outcome:
        dump.write_bytes(b"x" * size_bytes)
        words = ("archive-files", "--run-key", "d", "--name", "wiki", "--image", "w", "--folder", str(folder))
        return backups.run(*words, "--least-percent", str(least_percent))

    first = stored(1_000_000)
    parts = [word for part in [*backups.dump(), *first.result["parts"]] for word in ("--part", part)]
    backups.run("seal", "--run-key", "d", *parts)
    outcome = stored(400_000)
    assert (outcome.code, "wrote 400000 bytes, and about" in outcome.error) == (65, True), outcome.stderr
    assert "least_percent to 0" in outcome.error
    assert (stored(600_000).code, stored(400_000, 0).code, stored(5_000_000).code) == (0, 0, 0)


def test_an_application_that_wrote_nothing_is_no_backup(backups_in_peace: Backups, tmp_path: Path) -> None:
    """An empty folder would look like a backup for years."""
    outcome = backups_in_peace.run(
        "archive-files", "--run-key", "d", "--name", "w", "--image", "w", "--folder", str(tmp_path)
    )
    assert (outcome.code, "wrote nothing" in outcome.error) == (65, True)
