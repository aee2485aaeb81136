"""Where files live: ``file:///absolute/path`` or ``s3://bucket/prefix``, behind one interface."""

import os
from functools import cache
from urllib.parse import quote, unquote

from baton_workloads.errors import ConfigurationError
from baton_workloads.storage.base import Store, StoredObject

__all__ = ["Store", "StoredObject", "join", "name_below", "store_for"]


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
    """Append path segments to an address; whatever sign a name has, it is one of the name."""
    names = [quote(os.fsencode(part)) if uri.startswith("file:") else part for part in parts]
    return "/".join([uri.rstrip("/"), *(name.strip("/") for name in names)])


def name_below(root: str, uri: str) -> str:
    """Give the name by which ``join`` made an address from another one."""
    name = uri.removeprefix(root.rstrip("/") + "/")
    return unquote(name, errors="surrogateescape") if root.startswith("file:") else name
