"""Bytes of any size on their way into the store and back: zstd, then age, then chunks. Never whole anywhere.

What a program writes is compressed by a process of its own (``programs.reading_from``), so three things run at once:
the program, the compression, the encryption with the upload behind it. Whichever fails, nothing counts: the chunks of a
failed archive are removed, and its source is asked whether it has ended well before the archive's end is written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyrage
import zstandard

from baton_workloads.backup.chunks import Chunk, read_chunks, writing_chunks
from baton_workloads.backup.compress import compressor
from baton_workloads.backup.keys import age_recipients
from baton_workloads.errors import ConfigurationError, DataError, WorkloadError

BLOCK_BYTES = 1 << 20


class Source(Protocol):
    """Where an archive's bytes come from, compressed.

    ``raw_bytes`` is right when the end was read: how many bytes there were before compression.
    """

    raw_bytes: int

    def read(self, size: int) -> bytes:
        """Give at most so many bytes; none at the end.

        :raises WorkloadError: the bytes so far are not all there should have been.
        """


class Reader(Protocol):
    """Something small to archive, not compressed yet."""

    def read(self, size: int, /) -> bytes:
        """Give at most so many bytes; none at the end."""


class Compressed:
    """Compresses what another reader gives, in this thread."""

    def __init__(self, reader: Reader) -> None:
        self.raw_bytes = 0
        self._reader, self._zstd = reader, compressor().compressobj()
        self._rest, self._ended = b"", False

    def read(self, size: int) -> bytes:
        """Give at most so many compressed bytes; none at the end."""
        while not self._rest and not self._ended:
            block = self._reader.read(BLOCK_BYTES)
            self.raw_bytes += len(block)
            self._ended = not block
            self._rest = self._zstd.compress(block) if block else self._zstd.flush()
        part, self._rest = self._rest[:size], self._rest[size:]
        return part


@dataclass(frozen=True)
class Archive:
    """What was stored.

    :param raw_bytes: before compression.
    """

    chunks: list[Chunk]
    raw_bytes: int

    @property
    def stored_bytes(self) -> int:
        """Give the size in the store."""
        return sum(chunk.bytes for chunk in self.chunks)


class _KeptRead:
    """A reader whose error survives the encryption library, which knows texts only."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            return self._read(size)
        except BaseException as err:
            self.failure = err
            raise


class _Kept:
    """A writer whose error survives the encryption library, which knows texts only."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self.failure: BaseException | None = None

    def write(self, block: bytes) -> int:
        try:
            self._write(block)
        except BaseException as err:
            self.failure = err
            raise
        return len(block)

    def flush(self) -> None:
        """Do nothing: the writer behind decides."""


def write_archive(root: str, path: str, source: Source, recipients: list[str]) -> Archive:
    """Store a source's bytes.

    :param root: of all backups; ``path`` is relative to it, chunks get a number behind it.
    :raises WorkloadError: the source's, or the store's; nothing is left in the store.
    """
    keys = age_recipients(recipients)
    reader = _KeptRead(source.read)
    with writing_chunks(root, path) as writer:
        kept = _Kept(writer.write)
        try:
            pyrage.encrypt_io(reader, kept, keys)
        except (pyrage.EncryptError, OSError) as err:
            raise reader.failure or kept.failure or err from err
    return Archive(writer.chunks, source.raw_bytes)


class _Stored:
    """What the decryption reads."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.failure: BaseException | None = None
        self._blocks = blocks
        self._block, self._at = memoryview(b""), 0

    def read(self, size: int) -> bytes:
        if self._at == len(self._block):
            try:
                self._block, self._at = memoryview(next(self._blocks, b"")), 0
            except BaseException as err:
                self.failure = err
                raise
        part = bytes(self._block[self._at : self._at + size])
        self._at += len(part)
        return part


class _Decompressed:
    """Decompresses, and holds the last bytes back until everything before them was checked.

    Why: a program that has read its input to the end acts on it. pg_restore would commit.
    """

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._zstd = zstandard.ZstdDecompressor().decompressobj()
        self._write, self._held = write, b""
        self.raw_bytes = 0

    def write(self, block: bytes) -> None:
        plain = self._zstd.decompress(block)
        if plain:
            self.raw_bytes += len(plain)
            if self._held:
                self._write(self._held)
            self._held = plain

    def finish(self, what: str) -> None:
        if not self._zstd.eof:
            raise DataError(f"{what} ends in the middle: truncated before it was encrypted")
        self._write(self._held)


def read_archive(
    root: str, chunks: list[Chunk], identities: list[Any], write: Callable[[bytes], Any] = lambda block: None
) -> int:
    """Read an archive back: checksums, decryption, decompression.

    :param write: takes the original bytes; the last of them only when all chunks were found to be right.
    :returns: how many original bytes there were.
    :raises DataError: something is missing, damaged, swapped or truncated.
    :raises ConfigurationError: the identity opens it not.
    """
    what = chunks[0].path.rpartition(".")[0] if chunks else "an archive without chunks"
    stored, plain = _Stored(read_chunks(root, chunks)), _Decompressed(write)
    kept = _Kept(plain.write)
    try:
        pyrage.decrypt_io(stored, kept, identities)
    except (pyrage.DecryptError, OSError) as err:
        raise _reason(what, stored, kept, err) from err
    _drain(stored)
    plain.finish(what)
    return plain.raw_bytes


def _drain(stored: _Stored) -> None:
    """Read to the end, as checksums are compared there."""
    while stored.read(BLOCK_BYTES):
        continue


def _reason(what: str, stored: _Stored, kept: _Kept, err: Exception) -> BaseException:
    failure = stored.failure or kept.failure
    if isinstance(failure, zstandard.ZstdError):
        return DataError(f"{what} is no whole zstd stream: damaged before it was encrypted")
    if failure is not None:
        return failure
    if "No matching keys" in str(err):
        return ConfigurationError(
            f"{what} is not encrypted to this identity; give the one that belongs to its recipient"
        )
    try:
        _drain(stored)  # a wrong checksum tells more than that age refuses the bytes
    except WorkloadError as better:
        return better
    return DataError(f"{what} is no whole age file: damaged or truncated before its manifest was written")
