"""What a namespace and its accounts decide on new pods: Pod Security by label, the account that a pod runs as.

Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/ and
 https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller
"""

from __future__ import annotations

import copy
import secrets
from typing import Any

from local_kubernetes.errors import Cause, forbidden
from local_kubernetes.resources import Kind
from local_kubernetes.store import Key, Store

from . import pod_security

Object = dict[str, Any]
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
ROOT_CA = "kube-root-ca.crt"
_MODES = ("enforce", "warn", "audit")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
# Where each kind keeps the spec of the pods that are made from it.
_TEMPLATES = {
    "jobs.batch": ("spec", "template", "spec"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template", "spec"),
    "deployments.apps": ("spec", "template", "spec"),
    "replicasets.apps": ("spec", "template", "spec"),
}


def admit(store: Store, pod: Object) -> Object:
    """A new pod with its account's token, if its namespace allows such a pod.

    :raises ApiError: 403, its namespace enforces a level that it violates, or its account is missing.
    """
    metadata = pod["metadata"]
    account = _account(store, pod)
    admitted = _with_token(pod, account)
    level, version = pod_security.level_of(_namespace(store, metadata["namespace"]), "enforce")
    found = pod_security.violations(level, admitted["spec"])
    if found:
        why = f'violates PodSecurity "{level}:{version}": {pod_security.told(found)}'
        details = {"name": metadata["name"], "kind": "pods"}
        raise forbidden(f'pods "{metadata["name"]}" is forbidden: {why}', details)
    return admitted


def warnings(store: Store, kind: Kind, obj: Object) -> list[str]:
    """What a client is warned of: pods, or pods made from this, that violate a level of their namespace."""
    path = ("spec",) if kind.resource == "pods" else _TEMPLATES.get(kind.resource)
    if path is None:
        return []
    namespace = _namespace(store, obj["metadata"].get("namespace", ""))
    modes = ("warn",) if kind.resource == "pods" else ("enforce", "warn")
    levels = [pod_security.level_of(namespace, mode) for mode in modes]
    level, version = max(levels, key=lambda each: pod_security.LEVELS.index(each[0]))
    spec: Any = obj
    for name in path:
        spec = (spec or {}).get(name)
    found = pod_security.violations(level, spec or {})
    return [f'would violate PodSecurity "{level}:{version}": {pod_security.told(found)}'] if found else []


def check_levels(namespace: Object) -> list[Cause]:
    """What is wrong with the labels of a namespace."""
    labels = namespace["metadata"].get("labels") or {}
    known = ", ".join(pod_security.LEVELS)
    return [
        Cause(
            f"metadata.labels[{pod_security.LABEL}{mode}]",
            "FieldValueInvalid",
            f'Invalid value: "{labels[pod_security.LABEL + mode]}": must be one of {known}',
        )
        for mode in _MODES
        if labels.get(pod_security.LABEL + mode, "privileged") not in pod_security.LEVELS
    ]


def _namespace(store: Store, name: str) -> Object | None:
    stored = store.get(Key("namespaces", "", name))
    return stored.object if stored else None


def _account(store: Store, pod: Object) -> Object:
    namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
    stored = store.get(Key("serviceaccounts", namespace, name))
    if stored is not None:
        return stored.object
    if name == "default":  # made a moment after its namespace
        return {}
    why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
    metadata = pod["metadata"]
    details = {"name": metadata["name"], "kind": "pods"}
    raise forbidden(f'pods "{metadata["name"]}" is forbidden: {why}', details)


def _with_token(pod: Object, account: Object) -> Object:
    """A pod whose containers find the account's token, unless it or its account wants none."""
    wanted = pod["spec"].get("automountServiceAccountToken")
    wanted = account.get("automountServiceAccountToken") if wanted is None else wanted
    parts = ("initContainers", "containers")
    open_ones = [
        (part, position)
        for part in parts
        for position, each in enumerate(pod["spec"].get(part) or [])
        if all(mount.get("mountPath") != MOUNT_PATH for mount in each.get("volumeMounts") or [])
    ]
    if wanted is False or not open_ones:
        return pod
    name = f"kube-api-access-{''.join(secrets.choice(_SUFFIX) for _ in range(5))}"
    spec = copy.deepcopy(pod["spec"])
    spec["volumes"] = [*(spec.get("volumes") or []), _token_volume(name)]
    for part, position in open_ones:
        container = spec[part][position]
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
    return {**pod, "spec": spec}


def _token_volume(name: str) -> Object:
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
