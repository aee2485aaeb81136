"""Files that nobody else may read."""

import os

import pytest

from local_kubernetes.private_files import write_private


def test_only_the_owner_reads_it_whatever_was_there(tmp_path):
    """Also where the umask and the old file would let others."""
    file = tmp_path / "token"
    file.write_text("old")
    file.chmod(0o644)
    before = os.umask(0)
    try:
        write_private(file, b"new")
    finally:
        os.umask(before)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    """Neither half a file nor a draft."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_private(tmp_path / "taken", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
