"""A part of a backup on its way to the manifest: each stage writes what it made, ``seal`` puts it together.

A part is a small file beside its data. It is not authenticated: that it is the one which its stage has made is known by
its digest, which travels with its address through the orchestrator.
"""

import hashlib

from pydantic import TypeAdapter, ValidationError

from baton_workloads.backup.manifest import Part
from baton_workloads.errors import DataError
from baton_workloads.storage import join, store_for

ADAPTER: TypeAdapter[Part] = TypeAdapter(Part)


def emit_part(root: str, run_key: str, part: Part) -> str:
    """Write a part; gives its address with its digest behind ``#``."""
    content = ADAPTER.dump_json(part, indent=1)
    digest = hashlib.sha256(content).hexdigest()
    uri = join(root, "parts", run_key, f"{part.kind}-{part.name}-{digest[:12]}.json")
    store_for(uri).write_bytes(uri, content)
    return f"{uri}#{digest}"


def read_part(root: str, reference: str) -> Part:
    """Read a part.

    :raises DataError: it is not below the root, or not what its stage has written.
    """
    uri, _, digest = reference.partition("#")
    if not uri.startswith(f"{root.rstrip('/')}/parts/"):
        raise DataError(f"{uri} is no part of a backup below {root}")
    content = store_for(uri).read_bytes(uri)
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{uri} is not what its stage has written: run that stage again")
    try:
        return ADAPTER.validate_json(content)
    except ValidationError as err:
        raise DataError(f"{uri} is no part that this version can read") from err
