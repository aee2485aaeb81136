"""What Kubernetes refuses of a pod template's labels and annotations, which say something about its containers.

Source: pkg/apis/core/validation and pkg/registry/batch/job of kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from baton.cronjobs.fields.container import Object, Rule
from baton.cronjobs.fields.together import containers_of
from baton.cronjobs.fields.values import Finding

_OF_THE_JOB = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid")
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD, _SECCOMP = "seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/"
_COST = "controller.kubernetes.io/pod-deletion-cost"
_MIRROR = "kubernetes.io/config.mirror"
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_LOCAL = "localhost/"
_SECCOMP_TYPES: dict[str, tuple[str, ...]] = {
    "Unconfined": ("unconfined",),
    "RuntimeDefault": ("runtime/default", "docker/default"),
}
_APPARMOR_TYPES: dict[str, tuple[str, ...]] = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default",)}


def template(part: Object) -> Iterator[Finding]:
    """Labels that each Job gives its pods itself, and annotations that are settings."""
    metadata, pod = part.get("metadata") or {}, part.get("spec") or {}
    for key in _OF_THE_JOB:
        if key in (metadata.get("labels") or {}):
            yield ("metadata", "labels", key), "must not be set: each Job gives its pods its own, and would be refused"
    annotations = metadata.get("annotations") or {}
    for key, value in annotations.items():
        if why := _wrong(key, value or "", pod):
            yield ("metadata", "annotations", key), why
    yield from _of_two_minds(annotations, pod)


def _wrong(key: str, value: str, pod: Object) -> str | None:
    if key.startswith(_APPARMOR):
        name = key.removeprefix(_APPARMOR)
        if name not in {container.get("name") for _, container in containers_of(pod)}:
            return f"there is no container {name!r} in the pod"
        if value not in ("", "runtime/default", "unconfined") and not value.startswith(_LOCAL):
            return f"must be runtime/default, unconfined or localhost/PROFILE, is {value!r}"
    elif key == _SECCOMP_POD or key.startswith(_SECCOMP):
        path = value.removeprefix(_LOCAL)
        is_local = value.startswith(_LOCAL) and not path.startswith("/") and ".." not in path.split("/")
        if value not in ("runtime/default", "docker/default", "unconfined") and not is_local:
            return f"must be runtime/default, unconfined or localhost/PROFILE, is {value!r}"
    elif key == _COST and not (_WHOLE.fullmatch(value) and -(2**31) <= int(value) < 2**31):
        return f"must be a whole number of 32 bits in quotes, is {value!r}"
    elif key == _MIRROR and not pod.get("nodeName"):
        return "needs a nodeName"
    return None


def _of_two_minds(annotations: Object, pod: Object) -> Iterator[Finding]:
    """Where an annotation and the field that took its place say different things."""
    of_pod = pod.get("securityContext") or {}
    if _SECCOMP_POD in annotations:
        why = _differs(annotations[_SECCOMP_POD], of_pod.get("seccompProfile"), _SECCOMP_TYPES)
        if why:
            yield ("metadata", "annotations", _SECCOMP_POD), why
    for _, container in containers_of(pod):
        own = container.get("securityContext") or {}
        armor = own.get("appArmorProfile") or of_pod.get("appArmorProfile")
        for prefix, profile, types in (
            (_SECCOMP, own.get("seccompProfile"), _SECCOMP_TYPES),
            (_APPARMOR, armor, _APPARMOR_TYPES),
        ):
            key = f"{prefix}{container.get('name')}"
            if key in annotations and (why := _differs(annotations[key], profile, types)):
                yield ("metadata", "annotations", key), why


def _differs(annotation: str | None, profile: Object | None, types: dict[str, tuple[str, ...]]) -> str | None:
    if not profile:
        return None
    kind = profile.get("type")
    wanted = types.get(str(kind), (f"{_LOCAL}{profile.get('localhostProfile')}",))
    return None if (annotation or "") in wanted else f"must be {wanted[0]}, as the profile of the securityContext"


RULES: dict[str, Rule] = {"core.PodTemplateSpec": template}
"""By the type of the part, as `kubernetes_values` calls it."""
