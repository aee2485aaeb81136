"""Whether an answer is all that was sent. HTTP says so for a body with a length or in chunks, and for nothing else."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping

ENCODINGS = ("gzip", "x-gzip")
"""Of a body, beside none: a server may compress although nobody asked for it."""


class TruncatedAnswerError(Exception):
    """The answer ends in its middle, or nothing shows that it does not."""


def unpack(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Decompress a body; returns at most one byte more than the limit.

    Why not aiohttp's own: it takes the beginning of a gzip stream for the whole.

    :param encoding: of the header `Content-Encoding`.
    :raises TruncatedAnswerError: its end is missing, or it is damaged.
    :raises LookupError: an encoding that is not known.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ENCODINGS:
        raise LookupError(encoding)
    if not body:
        raise TruncatedAnswerError("no bytes at all")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            return file.read(limit_bytes + 1)
    except (EOFError, OSError, zlib.error) as err:
        raise TruncatedAnswerError("the compressed answer is not whole") from err


def has_length(headers: Mapping[str, str]) -> bool:
    """Whether a body's end can be told from a connection that was cut.

    :param headers: of the response; names in any case.
    """
    names = {name.lower(): value for name, value in headers.items()}
    return names.get("content-length", "").strip().isdigit() or "chunked" in names.get("transfer-encoding", "").lower()


def check_end(body: bytes) -> None:
    """Look for the end in a body without a length: only JSON that closes itself shows it.

    :raises TruncatedAnswerError: a number, text, nothing, or half of a JSON document: more may have been sent.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise TruncatedAnswerError("it has no Content-Length, and is no whole JSON") from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise TruncatedAnswerError("it has no Content-Length, and a number may be the beginning of another one")
