"""Every stage is killed and run again: nothing half-made counts, nothing is lost, nothing is left behind."""

import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
from tests.workloads.backups import Backups, kill_at_random
from tests.workloads.postgres_server import Server

CHUNK = {"BATON_BACKUP_CHUNK_BYTES": "65536"}


@pytest.fixture
def big(backups: Backups) -> Backups:
    """Enough rows, and small chunks, that a kill finds a stage at work."""
    backups.execute("CREATE TABLE noise AS SELECT gen_random_uuid() AS id FROM generate_series(1, 120000)")
    backups.environment |= CHUNK
    return backups


def kill_when(process: "subprocess.Popen[str]", seen: Callable[[], bool]) -> None:
    """Kill a stage as soon as a condition is true; fails when it ended before."""
    deadline = time.monotonic() + 60
    while not seen():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def count(folder: Path, pattern: str) -> int:
    """Give how many files there are."""
    return sum(1 for _ in folder.rglob(pattern))


def test_a_killed_dump_counts_for_nothing_and_holds_no_lock(big: Backups) -> None:
    """Chunks without a manifest are nobody's; the source's locks end with the stage's pg_dump."""
    kill_when(big.spawn("dump", "--run-key", "d"), lambda: count(big.root, "*.age.*") > 5)
    assert "0 backups" in big.run("list").stdout
    big.execute("SET lock_timeout = '20s'; ALTER TABLE noise ADD COLUMN later int")
    name = big.proven("d")
    assert big.run("prune", "--days", "30", "--proven", name).result["kept"] == [name]


def test_a_terminated_dump_takes_back_what_it_has_stored(big: Backups) -> None:
    """SIGTERM, as a deleted pod gets it, leaves time to abort the upload."""
    process = big.spawn("dump", "--run-key", "d")
    deadline = time.monotonic() + 60
    while count(big.root, "*.age.*") < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert count(big.root, "*.age.*") == 0


def test_a_killed_drill_gives_no_proof_and_the_next_one_cleans_up(big: Backups) -> None:
    """Its scratch database is dropped by the next drill, whose proof counts."""
    name = big.sealed()
    drilling = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'baton_drill%' AND application_name = 'pg_restore'"
    )
    kill_when(big.spawn("drill", name), lambda: big.query(drilling)[0][0] > 0)
    assert not (big.root / "proofs").exists()
    outcome = big.run("drill", name)
    while outcome.code == 75:  # the killed one's connection lives until the server notices
        outcome = big.run("drill", name)
    assert outcome.code == 0, outcome.stderr
    assert big.query("SELECT count(*) FROM pg_database WHERE datname LIKE 'baton_drill%'") == [(0,)]


def test_a_killed_replication_goes_on_where_it_was(big: Backups, tmp_path: Path) -> None:
    """A replica exists when its manifest does; what was copied is not copied again."""
    replica = tmp_path / "replica"
    big.environment["BATON_REPLICA_URI"] = f"file://{replica}"
    name = big.proven()
    kill_when(big.spawn("replicate"), lambda: count(replica, "*.age.*") > 5)
    assert not (replica / "manifests").exists()
    result = big.run("replicate").result["replicas"][f"file://{replica}"]
    assert 0 < result["copied_bytes"] < result["hashed_bytes"]
    assert big.run("verify", name, BATON_BACKUPS_URI=f"file://{replica}").code == 0


def test_a_killed_restore_leaves_the_target_empty(big: Backups, server: Server) -> None:
    """It is one transaction: run it again."""
    name, target = big.sealed(), server.database()
    at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_restore'"
    kill_when(big.spawn("restore", name, "--to", target), lambda: big.query(at_work)[0][0] > 0)
    deadline = time.monotonic() + 30
    while big.query(at_work)[0][0] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert big.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", target) == [(0,)]
    assert big.run("restore", name, "--to", target).code == 0


@pytest.mark.parametrize("step", range(4))
def test_a_prune_that_was_stopped_anywhere_is_finished_by_the_next(
    two: tuple[Backups, str, str], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before each of its writes to the store in turn."""
    from baton_workloads.backup import retention
    from baton_workloads.storage.file import FileStore

    backups, old, new = two
    monkeypatch.setattr(
        "baton_workloads.backup.prune.doomed", lambda backups, *_: [b.name for b in backups if b.name == old]
    )
    done = 0

    def stopping(method: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            nonlocal done
            if done == step:
                raise KeyboardInterrupt
            done += 1
            method(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "write_bytes", stopping(FileStore.write_bytes))
        patch.setattr(FileStore, "delete", stopping(FileStore.delete))
        assert backups.run("prune", "--days", "1").code == 1
    monkeypatch.setattr("baton_workloads.backup.prune.doomed", retention.doomed)
    assert backups.run("verify", new).code == 0
    backups.run("prune", "--days", "1")
    listed = backups.run("list")
    assert (listed.code, new in listed.stdout) == (0, True), listed.stdout
    assert (old in listed.stdout) == (step == 0)


def contents(folder: Path) -> dict[str, bytes]:
    """Give all files."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


TRIES = [2, pytest.param(40, marks=pytest.mark.soak)]


@pytest.mark.parametrize("tries", TRIES)
def test_a_killed_verify_changes_nothing(big: Backups, tries: int) -> None:
    """It only reads: the store is the same to the last byte, and the next one says the same."""
    name = big.sealed()
    before, digest = contents(big.root), big.run("verify", name).result["digest"]
    kill_at_random(lambda: big.spawn("verify", name), tries)
    assert contents(big.root) == before
    assert big.run("verify", name).result["digest"] == digest


@pytest.mark.parametrize("tries", TRIES)
def test_a_killed_seal_makes_one_backup(backups: Backups, tries: int) -> None:
    """The first one that comes through decides, the others find its manifest; half of one is never there."""
    words = [["seal", "--run-key", key, "--part", " ".join(backups.dump(key))] for key in ("d", "e")]
    turns = cycle(words)
    kill_at_random(lambda: backups.spawn(*next(turns)), tries)
    sealed = [backups.run(*each).result for each in words]
    assert sorted(each["number"] for each in sealed) == [1, 2]
    assert backups.run("list").code == 0
    assert [backups.run("drill", each["backup"]).code for each in sealed] == [0, 0]


@pytest.mark.parametrize("tries", TRIES)
def test_killed_archiving_counts_for_nothing(backups: Backups, tmp_path: Path, tries: int) -> None:
    """No part is there whose data is not; the next one stores all that the application wrote."""
    folder, backups.environment = tmp_path / "files", backups.environment | CHUNK
    folder.mkdir()
    for number in range(40):
        (folder / str(number)).write_bytes(os.urandom(100_000))
    words = ("archive-files", "--run-key", "d", "--name", "wiki", "--image", "wiki:4", "--folder", str(folder))
    kill_at_random(lambda: backups.spawn(*words), tries)
    for path in (backups.root / "parts").rglob("*.json"):
        chunks = json.loads(path.read_text())["chunks"]
        assert all((backups.root / chunk["path"]).stat().st_size == chunk["bytes"] for chunk in chunks)
    parts = [*backups.dump(), *backups.run(*words).result["parts"]]
    name = backups.run("seal", "--run-key", "d", "--part", " ".join(parts)).result["backup"]
    assert backups.run("extract", name, "application/wiki", "-o", str(tmp_path / "tar")).code == 0
    with tarfile.open(tmp_path / "tar") as archive:
        archive.extractall(tmp_path / "back", filter="data")
    assert contents(tmp_path / "back") == contents(folder)
