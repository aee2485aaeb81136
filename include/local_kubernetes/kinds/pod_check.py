"""What can be wrong with a pod: the rules of kube-apiserver that people run into, and what is not done here."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from kubernetes_values import CHOICES, VARIABLE, QuantityError, amount
from local_kubernetes.errors import Cause, bad_request, not_implemented
from local_kubernetes.names import check_label

from .affinity_check import check_affinity
from .lifecycle_check import check_lifecycle, check_probes
from .volume_check import check_path, check_volumes

Object = dict[str, Any]
_POLICIES = ("Always", "OnFailure", "Never")
_PULL_POLICIES = CHOICES["v1.PullPolicy"]


def required(field: str, message: str = "") -> Cause:
    """A field is missing."""
    return Cause(field, "FieldValueRequired", f"Required value: {message}" if message else "Required value")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """A field has a value that is none of those it may have."""
    known = ", ".join(f'"{word}"' for word in supported)
    return Cause(field, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {known}')


def quantity(value: Any) -> Decimal:
    """The number that a quantity such as ``500m`` or ``64Mi`` stands for.

    :raises ApiError: 400, it is no quantity.
    """
    try:
        return amount(str(value))
    except QuantityError as err:
        raise bad_request(
            'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from err


def check_spec(spec: Object, field: str) -> list[Cause]:
    """What is wrong with a pod's spec that stands at ``field``.

    :raises ApiError: 501, it asks for something that is not done here.
    """
    volumes = spec.get("volumes") or []
    causes = check_volumes(volumes, field)
    if not spec.get("containers"):
        causes.append(required(f"{field}.containers"))
    names: set[str] = set()
    for part in ("initContainers", "containers"):
        for position, container in enumerate(spec.get(part) or []):
            where = f"{field}.{part}[{position}]"
            causes += _check_container(container, where, {volume.get("name") for volume in volumes})
            name = container.get("name")
            if name in names:
                causes.append(Cause(f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"'))
            names.add(name)
    if spec["restartPolicy"] not in _POLICIES:
        causes.append(not_supported(f"{field}.restartPolicy", spec["restartPolicy"], _POLICIES))
    return causes + check_affinity(spec.get("affinity") or {}, f"{field}.affinity")


def _check_container(container: Any, field: str, volumes: set[Any]) -> list[Cause]:
    if not isinstance(container, dict):
        raise bad_request('Pod in version "v1" cannot be handled as a Pod: a container must be an object')
    name = container.get("name") or ""
    causes = check_label(name, f"{field}.name") if name else [required(f"{field}.name")]
    if not container.get("image"):
        causes.append(required(f"{field}.image"))
    if container["imagePullPolicy"] not in _PULL_POLICIES:
        causes.append(not_supported(f"{field}.imagePullPolicy", container["imagePullPolicy"], _PULL_POLICIES))
    if container.get("restartPolicy") and not (".initContainers[" in field and container["restartPolicy"] == "Always"):
        raise not_implemented(
            f'container "{name}": restartPolicy {container["restartPolicy"]} is not supported by this local server '
            "(Always is, in initContainers: a side-car)"
        )
    causes += check_lifecycle(container.get("lifecycle") or {}, f"{field}.lifecycle") + check_probes(container, field)
    causes += _check_environment(container, field)
    causes += _check_mounts(container, field, volumes)
    return causes + _check_resources(container.get("resources") or {}, f"{field}.resources")


def _check_environment(container: Object, field: str) -> list[Cause]:
    causes = []
    for position, variable in enumerate(container.get("env") or []):
        name = variable.get("name") or ""
        where = f"{field}.env[{position}].name"
        if not name:
            causes.append(required(where))
        elif not VARIABLE.fits(name):
            causes.append(
                Cause(
                    where,
                    "FieldValueInvalid",
                    f'Invalid value: "{name}": a valid environment variable name must consist '
                    "only of printable ASCII characters other than '='",
                )
            )
    return causes


def _check_mounts(container: Object, field: str, volumes: set[Any]) -> list[Cause]:
    causes = []
    paths: set[str] = set()
    for position, mount in enumerate(container.get("volumeMounts") or []):
        where = f"{field}.volumeMounts[{position}]"
        path = mount.get("mountPath") or ""
        if mount.get("name") not in volumes:
            causes.append(Cause(f"{where}.name", "FieldValueNotFound", f'Not found: "{mount.get("name")}"'))
        if not path:
            causes.append(required(f"{where}.mountPath"))
        elif path in paths:
            message = f'Invalid value: "{path}": must be unique'
            causes.append(Cause(f"{where}.mountPath", "FieldValueInvalid", message))
        paths.add(path)
        for part in ("subPath", "subPathExpr"):
            causes += check_path(mount.get(part) or "", f"{where}.{part}", needed=False)
        if mount.get("subPath") and mount.get("subPathExpr"):
            message = "Invalid value: subPathExpr and subPath are mutually exclusive"
            causes.append(Cause(f"{where}.subPathExpr", "FieldValueInvalid", message))
    return causes


def _check_resources(resources: Object, field: str) -> list[Cause]:
    limits = resources.get("limits") or {}
    numbers = {name: quantity(value) for name, value in limits.items()}
    causes = []
    for name, value in (resources.get("requests") or {}).items():
        if quantity(value) > numbers.get(name, Decimal("Infinity")):
            message = f'Invalid value: "{value}": must be less than or equal to {name} limit of {limits[name]}'
            causes.append(Cause(f"{field}.requests", "FieldValueInvalid", message))
    return causes
