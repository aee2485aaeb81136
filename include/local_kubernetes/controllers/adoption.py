"""Owners with a selector take in what fits and is nobody's, and let go of what no longer fits.

Source: ``pkg/controller/controller_ref_manager.go`` of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_kubernetes.label_selectors import matches
from local_kubernetes.operations import Operations

from .controller import controller_of, owner_reference

Object = dict[str, Any]


def claim(api: Operations, resource: str, owner: Object, wanted: Callable[[Object], bool]) -> None:
    """Set and remove owner references of objects in an owner's namespace, as its ``spec.selector`` says.

    An owner that is being deleted claims nothing.

    :param wanted: which of the objects that fit and are nobody's are worth taking in.
    :raises ApiError: 409, an object was changed meanwhile.
    """
    if owner["metadata"].get("deletionTimestamp"):
        return
    selector, uid = owner["spec"]["selector"], owner["metadata"]["uid"]
    for obj in api.store.objects(resource, owner["metadata"]["namespace"]):
        metadata, controller = obj["metadata"], controller_of(obj)
        fits = matches(selector, metadata.get("labels"))
        references = metadata.get("ownerReferences") or []
        if controller is None and fits and not metadata.get("deletionTimestamp") and wanted(obj):
            references = [*references, owner_reference(owner)]
        elif controller is not None and controller["uid"] == uid and not fits:
            references = [reference for reference in references if reference["uid"] != uid]
        else:
            continue
        kept = {name: value for name, value in metadata.items() if name != "ownerReferences"}
        if references:
            kept["ownerReferences"] = references
        api.update(resource, {**obj, "metadata": kept})
