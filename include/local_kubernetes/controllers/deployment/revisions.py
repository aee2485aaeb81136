"""Revisions: which ReplicaSet belongs to which template, and the annotations that ``kubectl rollout`` reads.

Source: ``pkg/controller/deployment/util/deployment_util.go`` of kubernetes/kubernetes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from local_kubernetes.controllers.controller import owner_reference

from .sizes import DESIRED, MOST, size_annotations

Object = dict[str, Any]
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
)
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # as in generated names: no vowels, so no words
_HASH_LENGTH = 10


def template_hash(template: Object, collisions: int) -> str:
    """A short name for a template. Not the one that a real controller computes: that one hashes Go's memory layout."""
    text = json.dumps([template, collisions], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    letters = []
    for _ in range(_HASH_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def bare(template: Object) -> Object:
    """A template without the hash that its ReplicaSet added."""
    metadata = template["metadata"]
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def with_template(sets: Iterable[Object], template: Object) -> Object | None:
    """The oldest ReplicaSet with a template, or None."""
    wanted = bare(template)
    found = [each for each in sets if bare(each["spec"]["template"]) == wanted]
    return min(found, key=by_age, default=None)


def by_age(obj: Object) -> tuple[str, str]:
    """A sort key: the oldest first."""
    return obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]


def revision(obj: Object) -> int:
    """The revision of a ReplicaSet, 0 without one."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def new_set(deployment: Object, collisions: int, number: int) -> Object:
    """The ReplicaSet for a Deployment's template, without replicas.

    :param number: its revision.
    """
    spec, metadata = deployment["spec"], deployment["metadata"]
    mark = {HASH: template_hash(spec["template"], collisions)}
    labels = {**(spec["template"]["metadata"].get("labels") or {}), **mark}
    selector = spec["selector"]
    body: Object = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{mark[HASH]}",
            "labels": labels,
            "annotations": {**marks(deployment, {}, number), **size_annotations(spec)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **mark}},
            "template": {**spec["template"], "metadata": {**spec["template"]["metadata"], "labels": labels}},
        },
    }
    if spec.get("minReadySeconds"):
        body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return body


def marks(deployment: Object, have: dict[str, str], number: int) -> dict[str, str]:
    """Annotations of the newest ReplicaSet: the Deployment's, its revision, and earlier ones if it was rolled back to.

    :param have: those it has.
    :param number: the revision after all older ones.
    """
    given = deployment["metadata"].get("annotations") or {}
    result = {**have, **{key: value for key, value in given.items() if key not in _NOT_COPIED}}
    before = have.get(REVISION, "")
    if not before.isdecimal() or int(before) < number:
        result[REVISION] = str(number)
        if before:
            result[HISTORY] = ",".join(filter(None, [have.get(HISTORY), before]))
    return result
