"""An archive is stored as numbered objects of at most 1 GiB, each with a checksum in the manifest.

Why not one object: S3 takes 10,000 parts, so a huge object needs huge parts in memory; a replica goes on where it was
stopped; and ``cat shop.* | age -d`` still opens it with ordinary tools.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from baton_workloads.errors import DataError
from baton_workloads.storage import join, store_for
from baton_workloads.storage.base import Sink

CHUNK_BYTES = 1 << 30
SIZE_VARIABLE = "BATON_BACKUP_CHUNK_BYTES"  # tests make small ones
MIN_BYTES = 64 << 10


class Chunk(BaseModel):
    """One object of an archive; the path is relative to the root of all backups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(pattern=r"^data/[A-Za-z0-9._/-]+$")]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ChunkWriter:
    """A file that is written as chunks. Used by ``writing_chunks`` only."""

    def __init__(self, root: str, path: str) -> None:
        self.chunks: list[Chunk] = []
        self._root, self._path = root, path
        self._size = max(MIN_BYTES, int(os.environ.get(SIZE_VARIABLE) or CHUNK_BYTES))
        self._begun: list[str] = []  # a signal may come when a chunk is published and not yet in `chunks`
        self._open: ExitStack | None = None
        self._sink: Sink | None = None

    def write(self, block: bytes) -> int:
        """Take a block; a new chunk begins where the last one is full."""
        rest = memoryview(block)
        while rest:
            sink = self._sink or self._begin()
            part = rest[: self._size - sink.size_bytes]
            sink.write(bytes(part))
            rest = rest[len(part) :]
            if sink.size_bytes == self._size:
                self.finish()
        return len(block)

    def flush(self) -> None:
        """Do nothing: blocks travel when there are enough of them."""

    def _name(self) -> str:
        return f"{self._path}.{len(self.chunks):04d}"

    def _begin(self) -> Sink:
        uri = join(self._root, self._name())
        self._begun.append(uri)
        self._open = ExitStack()
        self._sink = self._open.enter_context(store_for(uri).streaming(uri))
        return self._sink

    def finish(self) -> None:
        """Publish the chunk that is being written, if any."""
        if self._open is None or self._sink is None:
            return
        opened, sink = self._open, self._sink
        self._open = self._sink = None
        opened.close()
        self.chunks.append(Chunk(path=self._name(), bytes=sink.size_bytes, sha256=sink.sha256))

    def give_up(self, err: BaseException) -> None:
        """Abort the chunk that is being written and remove those that were finished."""
        if self._open is not None:
            opened, self._open = self._open, None
            opened.__exit__(type(err), err, err.__traceback__)
        if self._begun:
            store_for(self._root).delete(self._begun)


@contextmanager
def writing_chunks(root: str, path: str) -> Iterator[ChunkWriter]:
    """Give a file to write to; when the block fails, nothing of it stays."""
    writer = ChunkWriter(root, path)
    try:
        yield writer
        writer.finish()
    except BaseException as err:
        writer.give_up(err)
        raise


def read_chunks(root: str, chunks: list[Chunk]) -> Iterator[bytes]:
    """Read chunks one after another; the end is reached only when all of them are what their manifest says.

    :raises DataError: one is missing, too short, too long or changed.
    """
    for chunk in chunks:
        uri = join(root, chunk.path)
        digest, size = hashlib.sha256(), 0
        for block in store_for(uri).blocks(uri):
            digest.update(block)
            size += len(block)
            if size > chunk.bytes:
                break
            yield block
        if size != chunk.bytes:
            more = "more" if size > chunk.bytes else "fewer"
            raise DataError(f"{uri} has {more} bytes than the {chunk.bytes} of its manifest: truncated or replaced")
        if digest.hexdigest() != chunk.sha256:
            raise DataError(f"{uri} has another sha256 than its manifest says: damaged, or of another backup")
