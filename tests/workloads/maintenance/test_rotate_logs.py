"""Old logs move to cold storage, and are freed only when they are there."""

import io
import os
import random
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.workloads.maintenance.shops import Shop
from tests.workloads.maintenance.test_expired_objects import s3_client
from tests.workloads.waiting import until

DAY = 24 * 3600


@pytest.fixture
def logs(shop: Shop, tmp_path: Path) -> Path:
    """A folder of logs, and cold storage in another one."""
    shop.more["BATON_COLD_STORAGE_URI"] = f"file://{tmp_path}/cold"
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def words(logs: Path, *more: str) -> tuple[str, ...]:
    return ("rotate-logs", "--run", "r1", "--folder", str(logs), *more)


def write(logs: Path, name: str, age_days: float = 10, content: bytes = b"line\n") -> Path:
    """Write a log of some age."""
    path = logs / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age_days * DAY,) * 2)
    return path


def cold(logs: Path) -> dict[str, bytes]:
    """Give what is in cold storage: name without time and checksum → content."""
    folder = logs.parent / "cold" / "logs"
    return {
        path.relative_to(folder).as_posix().rsplit(".", 3)[0]: unpacked(path.read_bytes())
        for path in folder.rglob("*.zst")
        if not path.name.startswith(".")
    }


def unpacked(content: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as reader:
        return reader.read()


def here(logs: Path) -> set[str]:
    """Give the names of the logs that are left."""
    return {path.relative_to(logs).as_posix() for path in logs.rglob("*") if path.is_file()}


def test_old_logs_move_and_the_others_stay(shop: Shop, logs: Path) -> None:
    """By age, name and kind; an empty log too."""
    write(logs, "app/a.log", content=b"a" * 3_000_000)
    write(logs, "app/a.log.1")
    write(logs, "empty.log", content=b"")
    write(logs, "new.log", age_days=1)
    write(logs, "keep/legal.log")
    write(logs, "data.db")
    (logs / "link.log").symlink_to(logs / "app" / "a.log.1")
    result = shop.run(*words(logs)).result
    assert (result["freed"], result["protected"], result["bytes_before"]) == (3, 1, 3_000_005)
    assert result["bytes_after"] < 10_000
    assert cold(logs) == {"app/a.log": b"a" * 3_000_000, "app/a.log.1": b"line\n", "empty.log": b""}
    assert here(logs) == {"new.log", "keep/legal.log", "data.db"}


def test_a_log_that_somebody_has_open_stays(shop: Shop, logs: Path) -> None:
    """Its process may write again; when it has ended, the log moves."""
    path = write(logs, "a.log")
    with path.open("ab"):
        result = shop.run(*words(logs)).result
        assert (result["freed"], result["in_use"], cold(logs)) == (0, 1, {})
    assert shop.run(*words(logs)).result["freed"] == 1


def test_the_limit_holds_over_tries_and_a_dry_run_moves_nothing(shop: Shop, logs: Path) -> None:
    """What is over the limit stays here, and is not in cold storage."""
    for number in range(5):
        write(logs, f"{number}.log")
    assert shop.run(*words(logs, "--dry-run")).result["left"] == 5
    result = shop.run(*words(logs, "--limit", "2")).result
    assert (result["outcome"], result["freed"], result["left"]) == ("limit_reached", 2, 3)
    assert shop.run(*words(logs, "--limit", "2")).result["freed"] == 0
    assert (len(here(logs)), len(cold(logs))) == (3, 2)


def test_an_s3_store_that_gives_back_something_else_keeps_the_original(shop: Shop, logs: Path) -> None:
    """The object is damaged between upload and check: nothing is freed."""
    write(logs, "a.log")
    from baton_workloads.storage.file import FileStore

    with pytest.MonkeyPatch.context() as patch:
        reading = FileStore.reading

        def damaged(self: FileStore, uri: str, size_bytes: int, sha256: str) -> Any:
            path = Path(uri.removeprefix("file://"))
            path.write_bytes(path.read_bytes()[:-1] + b"?")
            return reading(self, uri, size_bytes, sha256)

        patch.setattr(FileStore, "reading", damaged)
        outcome = shop.run(*words(logs))
    assert (outcome.code, "another sha256" in outcome.error, here(logs)) == (65, True, {"a.log"})


def test_killed_between_upload_and_removal_nothing_is_lost_or_doubled(shop: Shop, logs: Path) -> None:
    """The next try writes the same object again and goes on."""
    contents = {f"{number}.log": random.Random(number).randbytes(1000) for number in range(3)}
    for name, content in contents.items():
        write(logs, name, content=content)
    shop.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " IF (NEW.result ->> 'deleted')::int = 2 THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END$$",
        "CREATE TRIGGER slow BEFORE UPDATE ON baton.job_windows FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    process = shop.spawn(*words(logs))
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    until(lambda: shop.value(asleep) == 1)
    process.kill()
    process.communicate()
    assert (here(logs), cold(logs).keys()) == ({"1.log", "2.log"}, {"0.log", "1.log"})
    until(lambda: shop.value(asleep) == 0)
    shop.execute("DROP TRIGGER slow ON baton.job_windows")
    assert shop.run(*words(logs)).result["freed"] == 2
    assert (here(logs), cold(logs)) == (set(), contents)


def test_a_try_that_comes_late_leaves_what_another_one_has_stored(
    shop: Shop, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another try stores and frees a file while this one compresses it: the object stays."""
    write(logs, "a.log", content=b"hello\n")
    from baton_workloads.storage.file import FileStore

    writing = FileStore.writing

    def late(self: FileStore, uri: str) -> Any:
        monkeypatch.setattr(FileStore, "writing", writing)
        assert shop.run(*words(logs)).result["freed"] == 1
        write(logs, "a.log", content=b"hello\nagain\n")
        return writing(self, uri)

    monkeypatch.setattr(FileStore, "writing", late)
    assert shop.run(*words(logs)).result["in_use"] == 1
    assert (here(logs), cold(logs)) == ({"a.log"}, {"a.log": b"hello\n"})


@pytest.mark.soak
def test_killed_at_random_moments_every_log_is_here_or_there(shop: Shop, logs: Path) -> None:
    """Two tries at once, killed again and again."""
    chance = random.Random(3)
    contents = {f"{number}.log": chance.randbytes(200_000) for number in range(150)}
    for name, content in contents.items():
        write(logs, name, content=content)
    for _ in range(8):
        before = len(here(logs))
        processes = [shop.spawn(*words(logs)) for _ in range(2)]
        until(lambda: len(here(logs)) < before or any(process.poll() is not None for process in processes))  # noqa: B023
        time.sleep(chance.random() / 4)
        for process in processes:
            process.kill()
            process.communicate()
        there = cold(logs)
        assert here(logs) | there.keys() == contents.keys()
        assert all(there[name] == contents[name] for name in there)
    shop.run(*words(logs))
    assert (here(logs), cold(logs)) == (set(), contents)


def test_logs_move_to_an_object_store(shop: Shop, logs: Path, s3: dict[str, str]) -> None:
    """One object for each file, named by path, time and checksum."""
    client, bucket = s3_client(s3), f"cold-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    write(logs, "app/a.log", content=b"hello\n")
    shop.more |= {**s3, "BATON_COLD_STORAGE_URI": f"s3://{bucket}"}
    assert shop.run(*words(logs)).result["freed"] == 1
    [item] = client.list_objects_v2(Bucket=bucket)["Contents"]
    content = client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
    client.close()
    assert item["Key"].startswith("logs/app/a.log.20")
    assert unpacked(content) == b"hello\n"


def test_a_folder_that_is_not_there_is_named(shop: Shop, logs: Path) -> None:
    """The claim is not mounted."""
    outcome = shop.run(*words(logs / "none"))
    assert (outcome.code, "mount the claim" in outcome.error) == (78, True)


ODD = ["a#1.log", "a#2.log", "a?1.log", "a%41.log", "aA.log", "a b;c&d=é🎉.log", "new\nline.log", "app/x#y/z.log"]


@pytest.mark.parametrize("storage", ["file", "s3"])
def test_odd_names_keep_their_files_apart(shop: Shop, logs: Path, s3: dict[str, str], storage: str) -> None:
    """Signs that mean something in an address are a part of the name: no file takes another one's place."""
    for name in (*ODD, os.fsdecode(b"caf\xe9.log")):
        write(logs, name, content=os.fsencode(name))
    client, bucket = s3_client(s3), f"cold-{secrets.token_hex(4)}"
    if storage == "s3":
        client.create_bucket(Bucket=bucket)
        shop.more |= {**s3, "BATON_COLD_STORAGE_URI": f"s3://{bucket}"}
    assert shop.run(*words(logs)).result["freed"] == len(ODD) + 1
    found = cold(logs)
    if storage == "s3":
        for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
            content = client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            found[item["Key"].rsplit(".", 3)[0].removeprefix("logs/")] = unpacked(content)
    client.close()
    renamed = {"new\nline.log": r"new\nline.log"}
    assert found == {renamed.get(name, name): name.encode() for name in ODD} | {r"caf\udce9.log": b"caf\xe9.log"}
