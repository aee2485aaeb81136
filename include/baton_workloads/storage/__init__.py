"""Where files live: ``file:///absolute/path`` or ``s3://bucket/prefix``, behind one interface."""

from functools import cache

from baton_workloads.errors import ConfigurationError
from baton_workloads.storage.base import Store, StoredObject

__all__ = ["Store", "StoredObject", "join", "store_for"]


def store_for(uri: str) -> Store:
    """Give the store that an address belongs to.

    :raises ConfigurationError: neither ``s3://`` nor ``file:///``.
    """
    if uri.startswith("s3://"):
        return s3_store()
    if uri.startswith("file:///"):
        from baton_workloads.storage.file import FileStore

        return FileStore()
    raise ConfigurationError(f"address {uri!r} is neither s3://bucket/… nor file:///…")


@cache
def s3_store() -> Store:
    """Give the one S3 client of this process: its import takes a quarter of a second, each client tens of MB."""
    from baton_workloads.storage.s3 import S3Store

    return S3Store()


def join(uri: str, *parts: str) -> str:
    """Append path segments to an address."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])
