"""One zip, sent to S3 while it is written; what is in it has been redacted."""

from __future__ import annotations

import queue
import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import yaml

from baton.exceptions import TransientError
from baton.incidents.diagnostics.collector import Document
from baton.redaction.redactor import Redactor

MAX_BYTES = 48 * 1024 * 1024
"""Of all documents together, before compression."""
MAX_BYTES_EACH = 1024 * 1024
"""Of one document; of a longer one the end is kept."""
TAIL_LINES = 40
"""Lines of a document that the index shows."""
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Sink:
    """Where a zip is written to: bytes go into a queue, from which the upload reads."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._rest = b""
        self._broken: str = ""
        self.size_bytes = 0

    def write(self, content: bytes) -> int:
        """Take bytes of the zip."""
        self._chunks.put(bytes(content))
        self.size_bytes += len(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The zip is complete."""
        self._chunks.put(None)

    def abandon(self, reason: str) -> None:
        """The zip will never be complete: the upload must not end as if it were."""
        self._broken = reason
        self._chunks.put(None)

    def read(self, size: int = -1) -> bytes:
        """The next bytes for the upload, fewer only at the end.

        :raises RuntimeError: the writer gave up.
        """
        parts, missing = [self._rest], size - len(self._rest)
        while size < 0 or missing > 0:
            chunk = self._chunks.get()
            if chunk is None:
                if self._broken:
                    raise RuntimeError(self._broken)
                self._chunks.put(None)  # whoever asks again gets the end again
                break
            parts.append(chunk)
            missing -= len(chunk)
        whole = b"".join(parts)
        given, self._rest = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        return given


class Archive:
    """Documents of one zip.

    Why they wait until all are there: what a name in the last one reveals may stand bare in the first one.
    """

    def __init__(self, sink: Sink, redactor: Redactor, moment: datetime) -> None:
        self._zip = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._redactor, self._moment = redactor, moment
        self._paths: set[str] = set()
        self._waiting: list[tuple[Document, str, str]] = []
        self._room = MAX_BYTES
        self.entries: dict[str, Entry] = {}

    def take(self, document: Document) -> bool:
        """Redact a document and keep it for `settle`; False when there is no room."""
        text = self._text(document)
        was_cut = len(text) > MAX_BYTES_EACH
        if was_cut:
            text = "… the beginning was left out\n" + text[-MAX_BYTES_EACH:].partition("\n")[2]
        content = text.encode(errors="replace")
        if len(content) > self._room:
            return False
        self._room -= len(content)
        self._waiting.append((document, self._free_path(document.path), text))
        return True

    def settle(self) -> None:
        """Write the documents, without what the later ones revealed."""
        while self._waiting:
            document, path, text = self._waiting.pop(0)
            text = self._redactor.without_known(text)
            content = text.encode(errors="replace")
            self.write(path, content)
            tail = "\n".join(text.rstrip("\n").split("\n")[-TAIL_LINES:])
            self.entries[document.path] = Entry(path, self._redactor.text(document.title), len(content), tail, document)

    def write(self, path: str, content: bytes) -> None:
        """Write what has been redacted."""
        info = zipfile.ZipInfo(path, self._moment.timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        self._zip.writestr(info, content)

    def close(self) -> None:
        """Write what waits and the zip's own table of contents."""
        self.settle()
        self._zip.close()

    def _text(self, document: Document) -> str:
        """A document as redacted text. An object twice: by its fields, then as the text that it became."""
        if isinstance(document.content, str):
            return self._redactor.text(document.content)
        return self._redactor.text(as_yaml(self._redactor.object(document.content)))

    def _free_path(self, wanted: str) -> str:
        """A path below the archive's root, of plain characters, that is not taken."""
        path = safe_path(wanted)
        stem, dot, suffix = path.rpartition(".")
        number = 1
        while path in self._paths:
            number += 1
            path = f"{stem}-{number}{dot}{suffix}"
        self._paths.add(path)
        return path


class Entry:
    """What the index knows of a document."""

    def __init__(self, path: str, title: str, size_bytes: int, tail: str, document: Document) -> None:
        self.path, self.title, self.size_bytes, self.tail = path, title, size_bytes, tail
        self.figure = document.figure


def as_yaml(value: Any) -> str:
    """An object as YAML, lines as long as they are, in the order of its fields."""
    text: str = yaml.dump(value, Dumper=_DUMPER, sort_keys=False, width=1_000_000, allow_unicode=True)
    return text


def safe_path(text: str) -> str:
    """A relative path of letters, digits and `._-`, at most 200 characters; no part of it leads upwards."""
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "_", part).strip(".") for part in text.split("/")]
    return "/".join(part for part in parts if part)[:200] or "unnamed"


@contextmanager
def upload(make_client: Callable[[], Any], bucket: str, key: str) -> Iterator[Sink]:
    """A sink whose content becomes an object of S3 when the block ends well, and nothing when it does not.

    :param make_client: makes boto3's client of S3; called in the upload's thread, while evidence is collected.
    :raises TransientError: S3 did not take it.
    """
    sink = Sink()
    with ThreadPoolExecutor(1, thread_name_prefix="upload") as executor:
        done = executor.submit(_send, make_client, sink, bucket, key)
        try:
            yield sink
        except BaseException:
            sink.abandon("the archive was not finished")
            raise
        sink.close()
        _await(done, bucket, key)


def _send(make_client: Callable[[], Any], sink: Sink, bucket: str, key: str) -> None:
    from boto3.s3.transfer import TransferConfig

    options = {
        "ContentType": "application/zip",
        "ContentDisposition": f'attachment; filename="{key.rpartition("/")[2]}"',
    }
    make_client().upload_fileobj(sink, bucket, key, ExtraArgs=options, Config=TransferConfig(use_threads=False))


def _await(done: Future[None], bucket: str, key: str) -> None:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        done.result()
    except (Boto3Error, BotoCoreError, ClientError, OSError) as err:
        raise TransientError(f"the archive could not be written to s3://{bucket}/{key}: {err}") from err
