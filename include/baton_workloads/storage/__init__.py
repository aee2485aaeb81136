"""Where files live: ``file:///absolute/path`` or ``s3://bucket/prefix``, behind one interface."""

from functools import cache

from baton_workloads.errors import ConfigurationError
from baton_workloads.storage.base import Store, StoredObject

__all__ = ["Store", "StoredObject", "join", "store_for"]


@cache
def store_for(uri: str) -> Store:
    """Give the store that an address belongs to.

    :raises ConfigurationError: neither ``s3://`` nor ``file:///``.
    """
    if uri.startswith("s3://"):
        from baton_workloads.storage.s3 import S3Store  # boto3 takes a quarter of a second to import

        return S3Store()
    if uri.startswith("file:///"):
        from baton_workloads.storage.file import FileStore

        return FileStore()
    raise ConfigurationError(f"address {uri!r} is neither s3://bucket/… nor file:///…")


def join(uri: str, *parts: str) -> str:
    """Append path segments to an address."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])
