"""What can be wrong with any object's metadata: labels, annotations, owners, finalizers.

Source: apimachinery's pkg/api/validation/objectmeta.go and pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kubernetes_values import LARGEST_ANNOTATIONS_BYTES, annotations_bytes

from .errors import Cause
from .names import check_label_key, check_label_value

Object = dict[str, Any]


def check_metadata(metadata: Object, field: str = "metadata") -> list[Cause]:
    """What is wrong with it, besides the name."""
    return [
        *check_labels(metadata.get("labels") or {}, f"{field}.labels"),
        *_annotations(metadata.get("annotations") or {}, f"{field}.annotations"),
        *_owners(metadata.get("ownerReferences") or [], f"{field}.ownerReferences"),
        *_finalizers(metadata.get("finalizers") or [], f"{field}.finalizers"),
    ]


def check_labels(labels: Object, field: str) -> list[Cause]:
    """What is wrong with labels: their keys, their values."""
    return [
        cause
        for key, value in labels.items()
        for cause in (*check_label_key(key, field), *check_label_value(str(value or ""), field))
    ]


def _annotations(annotations: Object, field: str) -> Iterator[Cause]:
    for key in annotations:
        for cause in check_label_key(key.lower(), field):
            message = cause.message.replace(json.dumps(key.lower()), json.dumps(key), 1)
            yield Cause(cause.field, cause.reason, message)
    if annotations_bytes(annotations) > LARGEST_ANNOTATIONS_BYTES:
        message = f"Too long: may not be more than {LARGEST_ANNOTATIONS_BYTES} bytes"
        yield Cause(field, "FieldValueTooLong", message)


def _owners(references: list[Object], field: str) -> Iterator[Cause]:
    controllers: list[str] = []
    for reference in references:
        for name, text in (("apiVersion", "version must not be empty"), *_OWNER_FIELDS):
            if not reference.get(name):
                yield Cause(f"{field}.{name}", "FieldValueInvalid", f'Invalid value: "": {text}')
        if reference.get("controller"):
            controllers.append(f"{reference.get('kind')}/{reference.get('name')}")
    for other in controllers[1:]:
        why = f'Only one reference can have Controller set to true. Found "true" in references for {controllers[0]}'
        shown = json.dumps(references, separators=(",", ":"))
        yield Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {why} and {other}")


_OWNER_FIELDS = tuple((name, "must not be empty") for name in ("kind", "name", "uid"))


def _finalizers(finalizers: list[str], field: str) -> Iterator[Cause]:
    for name in finalizers:
        yield from check_label_key(name, field)


def check_new_finalizers(before: Object, after: Object) -> list[Cause]:
    """What is deleted takes no new finalizers."""
    have = before.get("finalizers") or []
    extra = sorted(set(after.get("finalizers") or []) - set(have))
    if not before.get("deletionTimestamp") or not extra:
        return []
    listed = ", ".join(json.dumps(name) for name in extra)
    message = (
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
        f"[]string{{{listed}}}"
    )
    return [Cause("metadata.finalizers", "FieldValueForbidden", message)]
