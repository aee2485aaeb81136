"""What somebody, or a disk, does to a store behind our back is noticed, and never pruned for."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest


def flip(path: Path, at: int) -> None:
    """Turn one bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def flip_first(files: list[Path]) -> None:
    """Turn a bit of the first byte."""
    flip(files[0], 0)


def flip_middle(files: list[Path]) -> None:
    """Turn a bit in the middle."""
    flip(files[0], files[0].stat().st_size // 2)


def flip_last(files: list[Path]) -> None:
    """Turn a bit of the last byte."""
    flip(files[-1], -1)


def truncate_by_one(files: list[Path]) -> None:
    """Cut the last byte off."""
    files[-1].write_bytes(files[-1].read_bytes()[:-1])


def truncate_by_half(files: list[Path]) -> None:
    """Cut the first chunk in half."""
    files[0].write_bytes(files[0].read_bytes()[: files[0].stat().st_size // 2])


def empty(files: list[Path]) -> None:
    """Leave nothing of the last chunk."""
    files[-1].write_bytes(b"")


def remove(files: list[Path]) -> None:
    """Remove the last chunk."""
    files[-1].unlink()


def append(files: list[Path]) -> None:
    """Add a byte."""
    files[-1].write_bytes(files[-1].read_bytes() + b"x")


FAULTS: dict[Callable[[list[Path]], None], str] = {
    flip_first: "another sha256",
    flip_middle: "another sha256",
    flip_last: "another sha256",
    truncate_by_one: "fewer bytes",
    truncate_by_half: "fewer bytes",
    empty: "fewer bytes",
    remove: "does not exist",
    append: "more bytes",
}


@pytest.mark.parametrize(("fault", "message"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", ""))
def test_damaged_data_is_refused(sealed: Any, fault: Callable[[list[Path]], None], message: str) -> None:
    """Reading back ends as wrong data and names the object; the drill gives no proof and leaves no database behind."""
    backups, name = sealed
    fault(backups.chunks(name))
    verified, drilled = backups.run("verify", name), backups.run("drill", name)
    assert (verified.code, message in verified.error) == (65, True), verified.stderr
    assert (drilled.code, message in drilled.error) == (65, True), drilled.stderr
    assert not (backups.root / "proofs" / f"{name}.json").exists()
    assert backups.query("SELECT count(*) FROM pg_database WHERE datname LIKE 'baton_drill%'") == [(0,)]


def swap_files(ours: list[Path], theirs: list[Path]) -> None:
    """Put another backup's chunk in the place of ours."""
    shutil.copy(theirs[0], ours[0])


def swap_middle(ours: list[Path], theirs: list[Path]) -> None:
    """Put a piece of another backup's chunk into the middle of ours, so that the size is right."""
    content, other = bytearray(ours[0].read_bytes()), theirs[0].read_bytes()
    at = len(content) // 2
    content[at : at + 64] = other[at : at + 64]
    ours[0].write_bytes(content)


def swap_order(ours: list[Path], theirs: list[Path]) -> None:
    """Exchange two chunks of the same backup."""
    first, second = ours[0].read_bytes(), ours[1].read_bytes()
    ours[0].write_bytes(second)
    ours[1].write_bytes(first)


@pytest.mark.parametrize("swap", [swap_files, swap_middle, swap_order])
def test_chunks_of_another_place_are_refused(backups: Any, swap: Callable[[list[Path], list[Path]], None]) -> None:
    """Valid bytes, encrypted to the right recipient, of the wrong backup or in the wrong order."""
    backups.execute("CREATE TABLE noise AS SELECT gen_random_uuid() FROM generate_series(1, 9000)")
    backups.environment["BATON_BACKUP_CHUNK_BYTES"] = "65536"
    first = backups.sealed("a")
    second = backups.sealed("b")
    assert len(backups.chunks(second)) > 1
    swap(backups.chunks(second), backups.chunks(first))
    assert backups.run("verify", second).code == 65
    assert backups.run("drill", second).code == 65


def test_a_manifest_of_another_backup_is_refused(two: Any) -> None:
    """An older manifest, authentic and with all its chunks, in the place of the newer one."""
    backups, first, second = two
    shutil.copy(backups.manifest(first), backups.manifest(second))
    assert "in the place of another one" in backups.run("verify", second).error
    listed = backups.run("list")
    assert (listed.code, "in the place of another one" in listed.stdout) == (65, True)


@pytest.mark.parametrize("field", ["number", "taken_at", "parts", "mac"])
def test_a_changed_manifest_is_refused(sealed: Any, field: str) -> None:
    """Whoever has no manifest key cannot write one, though everybody can encrypt to a public key."""
    backups, name = sealed
    content = json.loads(backups.manifest(name).read_text())
    changes = {"number": 7, "taken_at": "2030-01-01T00:00:00Z", "parts": content["parts"][:0], "mac": "0" * 64}
    backups.manifest(name).write_text(json.dumps(content | {field: changes[field]}))
    outcome = backups.run("verify", name)
    assert (outcome.code, "do not trust" in outcome.error) == (65, True)


def test_a_manifest_that_was_sealed_again_under_the_same_name_is_refused(sealed: Any) -> None:
    """The digest that `seal` gave travels apart from the store: even with the key a manifest cannot be replaced."""
    backups, name = sealed
    outcome = backups.run("verify", name, "--digest", "0" * 64)
    assert (outcome.code, "rolled back or replaced" in outcome.error) == (65, True)


def test_a_stale_backup_is_refused(sealed: Any) -> None:
    """Valid in every way, but made before the run that it would prove."""
    backups, name = sealed
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for verb in ("verify", "drill"):
        outcome = backups.run(verb, name, "--not-before", later)
        assert (outcome.code, "stale" in outcome.error) == (65, True)


def test_a_backup_that_vanishes_leaves_a_gap(two: Any) -> None:
    """Numbers follow one another, and each backup names the one before it."""
    backups, _, second = two
    backups.sealed("c")
    assert backups.run("list").code == 0
    backups.manifest(second).unlink()
    listed = backups.run("list")
    assert (listed.code, "backup number 2 is missing" in listed.stdout) == (65, True)


def test_manifests_that_vanish_cost_no_data(two: Any) -> None:
    """A proof without its manifest is no killed run's leftover: the data stays, and comes back with the manifest."""
    backups, *names = two
    contents = {path: path.read_bytes() for path in map(backups.manifest, names)}
    for path in backups.root.rglob("*"):
        os.utime(path, (0, 0))
    for path in contents:
        path.unlink()
    newest = backups.proven("c")
    listed = backups.run("list")
    assert (listed.code, f"the manifest of {names[0]} is gone" in listed.stdout) == (65, True)
    result = backups.run("prune", "--days", "30", "--proven", newest).result
    assert (result["forgotten_files"], result["kept_snapshots"]) == (0, ["all"])
    for path, content in contents.items():
        path.write_bytes(content)
    assert [backups.run("verify", name).code for name in names] == [0, 0]


def test_a_store_that_went_back_behind_its_replica_is_noticed(two: Any, tmp_path: Path) -> None:
    """The newest backup is gone, with everything that names it: the store looks whole, the replica knows better."""
    backups, _, newest = two
    backups.environment["BATON_REPLICA_URI"] = f"file://{tmp_path}/replica"
    assert backups.run("replicate").code == 0
    for path in (*backups.chunks(newest), backups.manifest(newest), backups.root / "proofs" / f"{newest}.json"):
        path.unlink()
    assert backups.run("list").code == 0
    outcome = backups.run("replicate")
    assert (outcome.code, "the store was rolled back" in outcome.error) == (65, True)


LOSSES = {
    "a table": ("DROP TABLE visits", "table public.visits is missing"),
    "a row": ("DELETE FROM visits WHERE ctid = (SELECT min(ctid) FROM visits)", "1999 rows instead of 2000"),
    "a value": ("UPDATE people SET salary = salary + 0.01 WHERE id = 7", "but not the same ones"),
    "a row for another": (
        "UPDATE visits SET note = 'x' WHERE ctid = (SELECT max(ctid) FROM visits)",
        "but not the same ones",
    ),
    "a row of a partition": ("DELETE FROM measured WHERE value = 1", "10 rows instead of 11"),
    "an index": ("DROP INDEX visits_note_idx", "lacks a column, constraint, index"),
    "a foreign key": ("ALTER TABLE visits DROP CONSTRAINT visits_person_fkey", "lacks a column, constraint"),
    "a sequence's place": ("ALTER SEQUENCE numbers RESTART", "sequence public.numbers is behind"),
    "a view": ("DROP VIEW names", "0 views instead of 1"),
    "a function": ("DROP FUNCTION one", "0 functions instead of 1"),
}


@pytest.mark.parametrize(("loss", "message"), LOSSES.values(), ids=LOSSES)
def test_a_restore_that_loses_something_is_no_proof(
    recorded: Any, monkeypatch: pytest.MonkeyPatch, loss: str, message: str
) -> None:
    """What came back is compared with what was in the dump's snapshot: one row is enough."""
    from baton_workloads.backup import drill

    backups, name = recorded
    restore = drill.restore_dump

    def lossy(root: str, part: Any, identities: Any, dsn: str) -> None:
        restore(root, part, identities, dsn)
        backups.execute(loss, database=dsn)

    monkeypatch.setattr(drill, "restore_dump", lossy)
    outcome = backups.run("drill", name)
    assert (outcome.code, message in outcome.error) == (65, True), outcome.error
    assert not (backups.root / "proofs" / f"{name}.json").exists()


def test_rows_that_change_while_the_dump_runs_are_in_neither(backups: Any) -> None:
    """Rows are counted in the snapshot that pg_dump reads, so a busy source proves as well as a quiet one."""
    import threading

    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            backups.execute("INSERT INTO empty SELECT coalesce(max(id), 0) + 1, 'x' FROM empty")
            backups.execute("UPDATE people SET score = score + 1 WHERE id % 50 = 0")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        name = backups.sealed()
    finally:
        ended.set()
        writer.join()
    assert backups.run("drill", name).code == 0


def test_a_proof_of_another_manifest_does_not_count(two: Any) -> None:
    """A proof is bound to the digest of what was proven."""
    backups, first, second = two
    proof = backups.root / "proofs" / f"{second}.json"
    shutil.copy(proof.with_name(f"{first}.json"), proof)
    listed = backups.run("list")
    assert f"The last proven one is {first}" in listed.stdout
    assert listed.code == 65
