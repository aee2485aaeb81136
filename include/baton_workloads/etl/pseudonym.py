"""The keyed hash behind the rule ``pseudonym`` (specification in ``rules/pseudonym.py``)."""

import hashlib
import hmac
from binascii import unhexlify
from typing import TYPE_CHECKING
from uuid import UUID

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pyarrow

KEY_VARIABLE = "BATON_PSEUDONYM_KEY"
MIN_KEY_BYTES = 32
HEX_DIGITS = 32  # 128 bits
SAMPLE_ROWS = 1000
LARGE_BYTES = 24 << 20  # of a batch: it is one row or few, whose copies would not fit into memory


def secret_key() -> bytes:
    """Read the secret key from the environment.

    :raises ConfigurationError: missing, not hex, or shorter than 32 bytes.
    """
    text = required(KEY_VARIABLE)
    try:
        key = bytes.fromhex(text)
    except ValueError as err:
        raise ConfigurationError(f"{KEY_VARIABLE} is not hex; make one with: openssl rand -hex 32") from err
    if len(key) < MIN_KEY_BYTES:
        raise ConfigurationError(f"{KEY_VARIABLE} is shorter than 32 bytes; make one with: openssl rand -hex 32")
    return key


def fingerprint(key: bytes) -> str:
    """Give 64 bits that name a key and say nothing about it."""
    return hmac.digest(key, b"baton/fingerprint/1", hashlib.sha256).hex()[:16]


def domain_key(key: bytes, domain: str) -> str:
    """Give the key of one domain, as the ASCII text that the hash takes."""
    return hmac.digest(key, b"baton/pseudonym/1/" + domain.encode(), hashlib.sha256).hex()


def pseudonym(text: str, key: str) -> UUID:
    """Give the pseudonym of one canonical text; the same as ``hash_texts`` gives for many.

    :param key: of the domain, see ``domain_key``.
    """
    return UUID(hex=hmac.digest(key.encode(), text.encode(), hashlib.sha256).hex()[:HEX_DIGITS])


def hash_bits(texts: "pyarrow.Array", key: str) -> "pyarrow.Array":
    """Give pseudonyms as the 128 bits of a uuid, which the engine takes as they are; NULL stays NULL."""
    import pyarrow

    if texts.nbytes <= LARGE_BYTES and (texts.null_count or _repeats(texts)):
        encoded = texts.dictionary_encode()
        bits = _bits(hash_texts(encoded.dictionary, key)).take(encoded.indices)
    else:
        bits = _bits(hash_texts(texts, key))
    return pyarrow.ExtensionArray.from_storage(pyarrow.uuid(), bits)


def _repeats(texts: "pyarrow.Array") -> bool:
    """Say whether so many values stand there several times that each is better hashed once."""
    sample = texts.slice(0, SAMPLE_ROWS)
    return len(sample.unique()) < len(sample) // 2


def _bits(hashes: "pyarrow.Array") -> "pyarrow.Array":
    import pyarrow

    if hashes.null_count:
        digests = [None if digits is None else unhexlify(digits) for digits in hashes.to_pylist()]
        return pyarrow.array(digests, pyarrow.binary(16))
    # All at once, as they stand one after the other: many times faster than one by one.
    digits = memoryview(hashes.buffers()[2] or b"")[: HEX_DIGITS * len(hashes)]
    return pyarrow.Array.from_buffers(pyarrow.binary(16), len(hashes), [None, pyarrow.py_buffer(unhexlify(digits))])


def hash_texts(texts: "pyarrow.Array", key: str) -> "pyarrow.Array":
    """Give pseudonyms as 32 hex digits; NULL stays NULL.

    :raises DataError: the kernel's first one is not what the specification says; no later stage has the key to see it.
    """
    if texts.nbytes > LARGE_BYTES:
        return _hash_large(texts, key.encode())
    import polars
    import polars_hash  # noqa: F401  (registers the expression's namespace)

    hashed = polars.col("text").chash.hmac_sha256(key=key).str.head(HEX_DIGITS)  # type: ignore[attr-defined]
    frame = polars.DataFrame({"text": polars.Series(values=texts, dtype=polars.String)})
    hashes = frame.select(hashed).to_series().to_arrow(compat_level=polars.CompatLevel.oldest())
    _check_first(texts, hashes, key)
    return hashes


def _check_first(texts: "pyarrow.Array", hashes: "pyarrow.Array", key: str) -> None:
    number = texts.is_valid().index(True).as_py()
    if number >= 0 and hashes[number].as_py() != pseudonym(texts[number].as_py(), key).hex:
        raise DataError("the hash kernel gives other pseudonyms than the specification; report its version")


def _hash_large(texts: "pyarrow.Array", key: bytes) -> "pyarrow.Array":
    """Hash the texts where they are; slower for many, but nothing is copied."""
    import pyarrow

    buffers = (text.as_buffer() for text in texts)
    hashes = [None if b is None else hmac.digest(key, b, hashlib.sha256).hex()[:HEX_DIGITS] for b in buffers]
    return pyarrow.array(hashes, pyarrow.large_string())
