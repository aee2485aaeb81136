"""How an existing object may change: what stays, what is checked, what belongs to ``/status``."""

from __future__ import annotations

from typing import Any

from kubernetes_values import message_name
from local_kubernetes.errors import (
    ApiError,
    Cause,
    bad_request,
    conflict,
    invalid,
    unsupported_media_type,
)
from local_kubernetes.metadata_check import check_metadata, check_new_finalizers
from local_kubernetes.patches import json_patch, merge
from local_kubernetes.resources import Kind
from local_kubernetes.strategic_merge import strategic

from .decoding import FieldValidation
from .target import Target

Object = dict[str, Any]
_NO_STRATEGIC = (
    "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
    "application/merge-patch+json, application/apply-patch+yaml"
)
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "generateName",
          "deletionGracePeriodSeconds", "managedFields")  # fmt: skip


def patched(
    target: Target, before: Object, patch: Any, content_type: str, validation: FieldValidation | None = None
) -> Object:
    """The object after a patch.

    :param validation: how unknown fields are treated; by default they are dropped.

    :raises ApiError: 400, 409, 415, 422 or 501.
    """
    if content_type == "application/json-patch+json":
        after = json_patch(before, patch)
    elif content_type == "application/merge-patch+json":
        after = merge(before, patch)
    elif content_type == "application/strategic-merge-patch+json":
        name = message_name(target.kind.group, target.kind.kind)
        if name is None:
            raise unsupported_media_type(_NO_STRATEGIC)
        after = strategic(before, patch, name)
    else:
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    if not isinstance(after, dict) or not isinstance(after.get("metadata"), dict):
        raise bad_request("the patch leaves no object")
    after = (validation or FieldValidation("Ignore")).decode_patched(target.kind, after, patch)
    return checked(target, before, {"kind": target.kind.kind, "apiVersion": target.kind.api_version, **after})


def replaced(target: Target, before: Object, body: Object) -> Object:
    """The object after a PUT.

    :raises ApiError: 400, 409 or 422.
    """
    _check_identity(target, body["metadata"])
    return checked(target, before, body)


def _check_identity(target: Target, metadata: Object) -> None:
    name, namespace = metadata.get("name"), metadata.get("namespace") or target.namespace
    if not name:
        why = "was undeterminable: name must be provided"
        raise bad_request(f"the name of the object ({target.name} based on URL) {why}")
    if name != target.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({target.name})")
    if namespace != target.namespace:
        why = f"does not match the namespace on the request ({target.namespace})"
        raise bad_request(f"the namespace of the object ({namespace}) {why}")
    if target.kind.prune is not None and not metadata.get("resourceVersion"):
        message = "Invalid value: 0x0: must be specified for an update"
        cause = Cause("metadata.resourceVersion", "FieldValueInvalid", message)
        raise invalid(target.kind.kind, name, [cause], target.kind.group)


def _causes(kind: Kind, before: Object, after: Object) -> list[Cause]:
    return [
        *check_metadata(after["metadata"]),
        *check_new_finalizers(before["metadata"], after["metadata"]),
        *kind.check_update(before, after),
        *kind.check(after),
    ]


def _with_status(kind: Kind, before: Object, status: Object) -> Object:
    result = {**before, "status": status}
    causes = kind.check(result) if kind.prune is not None else []
    if causes:
        raise invalid(kind.kind, before["metadata"]["name"], causes, kind.group)
    return result


def checked(target: Target, before: Object, after: Object) -> Object:
    """A changed object with what no client changes, if the change is allowed.

    :raises ApiError: 409, it was made from an older version; 422.
    """
    kind, have, sent = target.kind, before["metadata"], after["metadata"]
    expected = sent.get("resourceVersion")
    if expected not in (None, "", have["resourceVersion"]):
        raise conflict(kind.plural, target.name, group=kind.group)
    if sent.get("uid") not in (None, have["uid"]):
        why = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {have['uid']}"
        raise conflict(kind.plural, target.name, why, kind.group)
    if target.subresource == "status":
        return _with_status(kind, before, after.get("status") or {})
    metadata = {name: value for name, value in sent.items() if name not in _FIXED}
    metadata |= {name: have[name] for name in _FIXED if name in have}
    metadata["resourceVersion"] = have["resourceVersion"]
    result = kind.complete({**after, "metadata": metadata})
    if "status" in kind.subresources:
        result = {name: value for name, value in result.items() if name != "status"}
        if "status" in before:
            result["status"] = before["status"]
    causes = _causes(kind, before, result)
    if causes:
        raise invalid(kind.kind, target.name, causes, kind.group)
    if kind.counts_generations and result.get("spec") != before.get("spec"):
        result["metadata"]["generation"] = have["generation"] + 1
    return result
