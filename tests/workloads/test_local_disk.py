"""A full disk is called one, a writer's own errors stay its own, and what is published outlives a power loss."""

import errno
import io
import os
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from tests.workloads.test_streams import bucket, store  # noqa: F401 - the fixture

from baton_workloads import __main__ as command_line
from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError
from baton_workloads.storage import local_disk, s3, store_for

FULL = Path("/dev/full")  # each write to it ends with "No space left on device"
MIB = 1 << 20


def partial_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path that the file's next partial one will have."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "00")
    return path.with_name(f".{path.name}.00.partial")


def test_full_disk_under_a_stored_file_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small or streamed; it may have space when it is tried again."""
    path = tmp_path / "object"
    uri = f"file://{path}"
    partial_of(path, monkeypatch).symlink_to(FULL)
    with pytest.raises(TransientError, match=r"could not write file:.*: the disk is full.*free some space"):
        store_for(uri).write_bytes(uri, b"content")
    partial_of(path, monkeypatch).symlink_to(FULL)
    with (
        pytest.raises(TransientError, match=r"could not write file:.*: the disk is full"),
        store_for(uri).streaming(uri) as sink,
    ):
        sink.write(b"x" * MIB)
    partial_of(path, monkeypatch).symlink_to(FULL)
    with (  # written with the last buffer, when the file is closed
        pytest.raises(TransientError, match=r"could not write file:.*: the disk is full"),
        store_for(uri).streaming(uri) as sink,
    ):
        sink.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_full_scratch_space_is_not_the_object_stores(
    bucket: tuple[Any, str],  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An S3 object is read through the pod's own disk."""
    place, root = store(bucket)
    place.write_bytes(f"{root}/object", b"x" * MIB)

    @contextmanager
    def full() -> Iterator[Path]:
        yield FULL

    monkeypatch.setattr(s3, "_scratch", full)
    with (
        pytest.raises(TransientError, match=r"the disk is full.*free some space") as caught,
        place.reading(f"{root}/object", MIB, ""),
    ):
        pass
    assert "object store" not in str(caught.value)


def test_file_that_cannot_be_read_is_not_the_object_stores(
    bucket: tuple[Any, str],  # noqa: F811 - the fixture
) -> None:
    """The client wraps what it meets while it reads a request's body."""
    place, root = store(bucket)

    class Bad(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with (
        pytest.raises(TransientError, match="Input/output error") as caught,
        s3._said("write", f"{root}/object"),
    ):
        place._s3.put_object(Bucket=bucket[1], Key="object", Body=Bad(b"content"))  # type: ignore[attr-defined]
    assert "object store" not in str(caught.value)


def test_workload_that_meets_a_full_disk_ends_as_transient(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it writes: exit code 75, and a line that says what to do."""

    @click.command()
    def fill() -> None:
        FULL.write_bytes(b"x")

    monkeypatch.setattr(command_line, "workloads", fill)
    assert command_line.main([]) == 75
    assert "the disk is full (No space left on device); free some space" in capsys.readouterr().err


OWN = [
    FileNotFoundError(errno.ENOENT, "mine"),
    PermissionError(errno.EACCES, "mine"),
    ConnectionResetError(errno.ECONNRESET, "mine"),
    TimeoutError("mine"),
    OSError("mine"),
    ssl.SSLError("mine"),
]


@pytest.mark.parametrize("own", OWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("how", ["writing", "reading", "streaming"])
def test_errors_of_the_block_are_its_own(tmp_path: Path, own: OSError, how: str) -> None:
    """A source that is gone, or a connection that was lost, has nothing to do with where the file goes."""
    path = tmp_path / "object"
    uri = f"file://{path}"
    place, arguments = store_for(uri), (uri,)
    if how == "reading":
        path.write_bytes(b"")
        arguments = (uri, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")  # type: ignore[assignment]
    with pytest.raises(OSError, match="mine") as caught, getattr(place, how)(*arguments):
        raise own
    assert caught.value is own
    assert not path.exists() or how == "reading"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, TransientError),
        (errno.EDQUOT, TransientError),
        (errno.EIO, TransientError),
        (errno.ESTALE, TransientError),
        (errno.EMFILE, TransientError),
        (errno.EACCES, ConfigurationError),
        (errno.EPERM, ConfigurationError),
        (errno.EROFS, ConfigurationError),
        (errno.ENAMETOOLONG, ConfigurationError),
        (errno.ENOTDIR, ConfigurationError),
        (errno.EISDIR, ConfigurationError),
        (errno.EFBIG, ConfigurationError),
    ],
)
def test_what_another_try_cannot_change_is_permanent(number: int, kind: type[WorkloadError]) -> None:
    """By the operating system's number, in whatever language it speaks."""
    err = OSError(number, "le disque, la machine")
    assert type(local_disk.translate(err, "write", "file:///a")) is kind
    assert not local_disk.is_of_network(err)


@pytest.mark.parametrize(
    "err",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, ""),
        BrokenPipeError(errno.EPIPE, ""),
        TimeoutError(errno.ETIMEDOUT, ""),
        socket.gaierror(socket.EAI_NONAME, ""),
        ssl.SSLCertVerificationError("no"),
        OSError(errno.ENETUNREACH, ""),
        OSError("without a number"),
    ],
)
def test_lost_connections_are_the_networks(err: OSError) -> None:
    """Then it is the store that is asked about."""
    assert local_disk.is_of_network(err)


def test_address_that_cannot_be_is_permanent(tmp_path: Path) -> None:
    """A file where a directory should be; a name that is too long."""
    (tmp_path / "file").touch()
    for uri in (f"file://{tmp_path}/file/below/object", f"file://{tmp_path}/{'x' * 300}"):
        with pytest.raises(ConfigurationError, match="could not write"):
            store_for(uri).write_bytes(uri, b"")
        with pytest.raises((ConfigurationError, DataError)):
            store_for(uri).read_bytes(uri)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is asked of the operating system, in its order; all of it happens."""
    noted: list[tuple[str, str]] = []
    fsync, rename, mkdir, unlink, rmdir = os.fsync, os.replace, os.mkdir, os.unlink, os.rmdir

    def synced(descriptor: int) -> None:
        noted.append(("sync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))
        fsync(descriptor)

    def renamed(source: Any, target: Any) -> None:
        noted.append(("rename", Path(target).name))
        rename(source, target)

    def made(path: Any, mode: int = 0o777) -> None:
        noted.append(("make", Path(path).name))
        mkdir(path, mode)

    def removed(path: Any) -> None:
        noted.append(("remove", Path(path).name))
        unlink(path)

    def removed_directory(path: Any) -> None:
        rmdir(path)
        noted.append(("remove", Path(path).name))

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "mkdir", made)
    monkeypatch.setattr(os, "unlink", removed)
    monkeypatch.setattr(os, "rmdir", removed_directory)
    return noted


@pytest.mark.parametrize("how", ["write_bytes", "writing", "streaming"])
def test_data_is_on_disk_before_its_manifest_is_begun(
    tmp_path: Path, calls: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Content, then its name, then the names of new directories; a power loss cannot turn that round."""
    uri = f"file://{tmp_path}/day/table/part"
    place = store_for(uri)
    partial = partial_of(Path("part"), monkeypatch).name
    if how == "write_bytes":
        place.write_bytes(uri, b"data")
    elif how == "writing":
        with place.writing(uri) as written:
            written.path.write_bytes(b"data")
    else:
        with place.streaming(uri) as sink:
            sink.write(b"data")
    made = [("make", "day"), ("sync", tmp_path.name), ("make", "table"), ("sync", "day")]
    assert calls[:4] == made
    assert [call for call in calls[4:] if call[0] != "remove"] == [
        ("sync", partial),
        ("rename", "part"),
        ("sync", "table"),
    ]
    assert Path(uri.removeprefix("file://")).read_bytes() == b"data"


def test_what_was_deleted_stays_deleted(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    """A manifest goes before its data: the next call may count on it. One directory is synced once."""
    uris = [f"file://{tmp_path}/{name}" for name in ("kept/a", "kept/b", "emptied/c")]
    place = store_for(uris[0])
    for uri in [*uris, f"file://{tmp_path}/kept/d"]:
        place.write_bytes(uri, b"")
    calls.clear()
    place.delete(uris)
    removed = [("remove", name) for name in "abc"]
    assert calls == [*removed, ("sync", "kept"), ("remove", "emptied"), ("sync", tmp_path.name)]


def test_listing_beside_another_writer_ends_well(tmp_path: Path) -> None:
    """A file that is deleted between its name and its size is not there."""
    uris = [f"file://{tmp_path}/{number}" for number in range(3)]
    place = store_for(uris[0])
    for uri in uris:
        place.write_bytes(uri, b"")
    found = place.objects(f"file://{tmp_path}")
    assert next(found).uri == uris[0]
    place.delete([uris[1]])
    assert [item.uri for item in found] == [uris[2]]
