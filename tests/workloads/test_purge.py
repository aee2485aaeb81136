"""Raw files are personal data: they go after a validated run, and so do forgotten ones."""

import os
import time
from pathlib import Path
from typing import Any

DAY_SECONDS = 86_400


def files(chain: Any) -> set[str]:
    """Give the names of all raw files but manifests."""
    root = Path(chain.environment["BATON_RAW_URI"].removeprefix("file://"))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != "manifest.json"}


def flags(manifests: dict[str, str]) -> list[str]:
    """Give a command's options."""
    return [word for uri in manifests.values() for word in ("--manifest", uri)]


def test_files_of_a_validated_run_go_and_others_stay(people: Any) -> None:
    """Only the run's own files are removed; its manifests stay; a second purge finds nothing to do."""
    first, second = people.export("d"), people.export("e")
    assert people.run("purge-raw", *flags(first)).result["files"] == 2
    assert {name.split("/")[1] for name in files(people)} == {"e"}
    assert people.run("purge-raw", *flags(first)).result["files"] == 0
    assert all(Path(uri.removeprefix("file://")).exists() for uri in (first | second).values())


def test_forgotten_files_go_after_a_day(people: Any) -> None:
    """What a killed export left is removed when it is old; what may still be written is not."""
    raw = people.export("d")
    root = Path(people.environment["BATON_RAW_URI"].removeprefix("file://"))
    for name, age in (("old", DAY_SECONDS + 60), ("new", 60)):
        path = root / "people" / "d" / name / "part-00000.parquet"
        path.parent.mkdir()
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age, time.time() - age))
    result = people.run("purge-raw", "--manifest", raw["visits"]).result
    assert (result["files"], result["forgotten_files"]) == (2, 1)
    assert {name.split("/")[2] for name in files(people) if name.startswith("people")} >= {"new"}
    assert not (root / "people" / "d" / "old").exists()


def test_nothing_outside_the_raw_store_is_removed(people: Any) -> None:
    """A manifest of another place is a mistake."""
    processed = people.to_processed()
    outcome = people.run("purge-raw", "--manifest", processed["people"])
    assert (outcome.code, "nothing was removed" in outcome.error) == (78, True)
