"""How a client wants an object to be deleted, and what the object looks like from then on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import clock

Object = dict[str, Any]
ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_FINALIZERS = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND], "Background": []}
PROPAGATIONS = tuple(_FINALIZERS)


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a client may say about a deletion.

    :param grace_seconds: None leaves it to the object.
    :param propagation: ``Orphan``, ``Foreground`` or ``Background``; None leaves it to the kind.
    """

    grace_seconds: float | None = None
    propagation: str | None = None


def marked(obj: Object, grace_seconds: float) -> Object:
    """The object with ``deletionTimestamp``: now plus the grace, never later than an earlier mark."""
    metadata = obj["metadata"]
    stamp = clock.seconds(clock.unix() + grace_seconds)
    earlier = metadata.get("deletionTimestamp")
    if earlier is not None and earlier <= stamp:
        return obj
    marks = {**metadata, "deletionTimestamp": stamp, "deletionGracePeriodSeconds": int(grace_seconds)}
    if earlier is None and "generation" in metadata:
        marks["generation"] = metadata["generation"] + 1
    return {**obj, "metadata": marks}


def with_propagation(obj: Object, propagation: str | None) -> Object:
    """The object with the finalizers by which the garbage collector knows what to do with its dependents."""
    before = obj["metadata"].get("finalizers") or []
    after = [name for name in before if name not in (ORPHAN, FOREGROUND)] + _FINALIZERS[propagation or "Background"]
    if after == before:
        return obj
    metadata = {name: value for name, value in obj["metadata"].items() if name != "finalizers"}
    return {**obj, "metadata": {**metadata, **({"finalizers": after} if after else {})}}
