"""A manifest is taken at its word only where its word holds."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_workloads.errors import DataError
from baton_workloads.etl import manifest
from baton_workloads.etl.manifest import Manifest, Snapshot

CONTENT: dict[str, Any] = {
    "format": 1, "dataset": "things", "run_key": "2026-11-22", "stage": "export",
    "snapshot": {"id": "x", "taken_at": "2026-11-22T00:00:00Z", "system_identifier": "1", "database": "shop",
                 "timeline": 1, "lsn": "0/10"},
    "source": "public.things", "target": "public.things",
    "files": [{"path": "x-1/part-00000.parquet", "rows": 2, "bytes": 9, "sha256": "0" * 64}],
    "columns": [{"name": "a", "type": "integer", "udt": "int4", "carrier": "native", "rule": "keep"}],
    "keys": {}, "rows": 2, "policy_digest": "0" * 64,
}  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A manifest survives its way through a store."""
    made = Manifest.model_validate(CONTENT)
    uri = manifest.write(f"file://{tmp_path}/things/day", made)
    assert uri == f"file://{tmp_path}/things/day/manifest.json"
    assert manifest.read(uri, "export")[0] == made
    assert (tmp_path / "things/day/manifest.json").read_text().startswith('{\n "format": 1,\n "dataset": "things",\n')


def test_files_of_a_run_lie_below_dataset_and_key() -> None:
    """Whatever is no key would lead elsewhere, and is refused by name."""
    assert manifest.directory("s3://raw/x", "things", "2026-11-22T01:00:00+01:00") == (
        "s3://raw/x/things/2026-11-22T01:00:00+01:00"
    )
    for key in ("", "../up", "a/b", "a b", "x" * 101):
        with pytest.raises(DataError, match=r"run key .* is none: letters, digits and"):
            manifest.directory("s3://raw/x", "things", key)


def test_each_attempt_writes_to_a_folder_of_its_own() -> None:
    """Named after the snapshot, and by chance."""
    snapshot = Snapshot.model_validate(CONTENT["snapshot"])
    names = {manifest.attempt(snapshot) for _ in range(10)}
    assert len(names) == 10
    assert [name for name in names if not re.fullmatch(r"x-[0-9a-f]{8}", name)] == []


@pytest.mark.parametrize(
    ("lsn", "number"), [("0/0", 0), ("0/10", 16), ("1/0", 1 << 32), ("16/B374D848", 0x16B374D848), ("F/F", 0xF0000000F)]
)
def test_a_log_position_is_the_number_that_postgresql_means(lsn: str, number: int) -> None:
    """Two halves of 32 bits, in hexadecimal."""
    snapshot = Snapshot.model_validate(CONTENT["snapshot"] | {"timeline": 3, "lsn": lsn})
    assert snapshot.position() == (3, number)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 3}, "no valid manifest: as a whole: .*do not add up"),
        ({"format": 2}, "format"),
        ({"stage": "transform"}, "stage transform"),
        ({"files": [{"path": "../../etc/passwd", "rows": 2, "bytes": 9, "sha256": "0" * 64}]}, "files.0.path"),
        ({"files": [{"path": "x/part-00000.parquet", "rows": 2, "bytes": 9, "sha256": "short"}]}, "files.0.sha256"),
        ({"run_key": "../up"}, "run_key"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """The message says what is wrong."""
    (tmp_path / "manifest.json").write_text(json.dumps(CONTENT | change))
    with pytest.raises(DataError, match=message):
        manifest.read(f"file://{tmp_path}/manifest.json", "export")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    """Half a file and other content are errors of the data, not of this program."""
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(DataError, match="no valid manifest"):
        manifest.read(f"file://{tmp_path}/manifest.json", "export")


@given(st.tuples(st.integers(1, 9), st.integers(0, 2**64 - 1)), st.tuples(st.integers(1, 9), st.integers(0, 2**64 - 1)))
def test_snapshots_are_ordered_by_timeline_and_log_position(a: tuple[int, int], b: tuple[int, int]) -> None:
    """The log position's text would order wrongly; its number does not."""
    first, second = (
        Snapshot.model_validate(CONTENT["snapshot"] | {"timeline": t, "lsn": f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"})
        for t, lsn in (a, b)
    )
    assert (first.position() < second.position()) == (a < b)
