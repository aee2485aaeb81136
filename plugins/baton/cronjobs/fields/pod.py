"""What Kubernetes refuses in a pod, by the type of the part, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from baton.cronjobs.fields.container import Object, Rule, needs, one_of, user_ids
from baton.cronjobs.fields.values import Finding, wrong_key, wrong_labels
from baton.cronjobs.manifests.yaml_documents import Path
from kubernetes_values import LABEL, LARGEST_ANNOTATIONS_BYTES, SUBDOMAIN, annotations_bytes

_OF_RUNNING = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_NAMES = ("serviceAccountName", "priorityClassName", "runtimeClassName", "nodeName")
_LABELS = ("hostname", "subdomain")
_HOSTS_OWN = ("hostNetwork", "hostPID", "hostIPC")
_MAX_DEADLINE_SECONDS = 2**31 - 1
_MAX_NAMESERVERS = 3
_MAX_SEARCHES, _MAX_SEARCHES_LENGTH = 32, 2048
_MAX_HOSTNAME_LENGTH = 64
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def pod(part: Object) -> Iterator[Finding]:
    """A pod as a whole: what refers to what, and names that are there once."""
    volumes = [volume or {} for volume in part.get("volumes") or []]
    yield from _unique(volumes, ("volumes",), "volume", set())
    names = set[str]()
    for group in ("initContainers", "containers"):
        containers = [container or {} for container in part.get(group) or []]
        yield from _unique(containers, (group,), "container", names)
        for position, container in enumerate(containers):
            yield from _mounts(container, {volume.get("name") for volume in volumes}, (group, position))
            sidecar = container.get("restartPolicy") == "Always"
            for field in _OF_RUNNING if group == "initContainers" and not sidecar else ():
                if container.get(field) is not None:
                    yield (group, position, field), "must not be set for an init container"
    yield from _claims(part)
    yield from _host_ports(part)
    yield from _below("nodeSelector", wrong_labels(part.get("nodeSelector") or {}))
    yield from _names(part)
    yield from _override(part)
    yield from _exclusive(part)
    if part.get("dnsPolicy") == "None" and not (part.get("dnsConfig") or {}).get("nameservers"):
        yield ("dnsConfig", "nameservers"), "is missing: dnsPolicy None needs one"
    seconds = part.get("activeDeadlineSeconds")
    if seconds is not None and not 1 <= seconds <= _MAX_DEADLINE_SECONDS:
        yield ("activeDeadlineSeconds",), f"must be from 1 to {_MAX_DEADLINE_SECONDS}, is {seconds}"


def _names(part: Object) -> Iterator[Finding]:
    for field in _NAMES:
        if part.get(field) and not SUBDOMAIN.fits(part[field]):
            yield (field,), f"{part[field]!r} is no name: lower case letters, digits, '-' and '.'"
    for field in _LABELS:
        if part.get(field) and not LABEL.fits(part[field]):
            yield (field,), f"{part[field]!r} is no name: up to 63 lower case letters, digits and '-'"


def _override(part: Object) -> Iterator[Finding]:
    name = part.get("hostnameOverride")
    if name is not None and not (SUBDOMAIN.fits(name) and len(name) <= _MAX_HOSTNAME_LENGTH):
        yield ("hostnameOverride",), f"{name!r} is no name of a host of up to {_MAX_HOSTNAME_LENGTH} characters"


def _exclusive(part: Object) -> Iterator[Finding]:
    """What a pod cannot have at once, or not in a template."""
    if part.get("shareProcessNamespace") and part.get("hostPID"):
        yield ("shareProcessNamespace",), "cannot stand beside hostPID"
    for field in _HOSTS_OWN if part.get("hostUsers") is False else ():
        if part.get(field):
            yield (field,), "cannot stand beside hostUsers: false"
    if part.get("ephemeralContainers"):
        yield ("ephemeralContainers",), "must not be set: they are added to a pod that runs"
    system = (part.get("os") or {}).get("name")
    if system == "linux" and (part.get("securityContext") or {}).get("windowsOptions") is not None:
        yield ("securityContext", "windowsOptions"), "cannot stand beside os linux"


def _claims(part: Object) -> Iterator[Finding]:
    claims = [claim or {} for claim in part.get("resourceClaims") or []]
    yield from _unique(claims, ("resourceClaims",), "claim", set())
    names = {claim.get("name") for claim in claims}
    for group in ("initContainers", "containers"):
        for position, container in enumerate(part.get(group) or []):
            used = ((container or {}).get("resources") or {}).get("claims") or []
            for place, claim in enumerate(used):
                name = (claim or {}).get("name")
                if name not in names:
                    path: Path = (group, position, "resources", "claims", place, "name")
                    yield path, f"there is no claim {name!r} in resourceClaims"


def _host_ports(part: Object) -> Iterator[Finding]:
    seen = set[tuple[Any, ...]]()
    for position, container in enumerate(part.get("containers") or []):
        for place, port in enumerate((container or {}).get("ports") or []):
            port = port or {}
            path: Path = ("containers", position, "ports", place, "hostPort")
            number = port.get("hostPort") or 0
            if number and part.get("hostNetwork") and number != port.get("containerPort"):
                yield path, f"must be the containerPort where hostNetwork is true, is {number}"
            used = (port.get("protocol") or "TCP", port.get("hostIP") or "", number)
            if number and used in seen:
                yield path, f"{number} is there twice"
            seen.add(used)


def _below(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    return (((name, *path), why) for path, why in findings)


def _unique(items: list[Object], path: Path, what: str, seen: set[str]) -> Iterator[Finding]:
    for position, item in enumerate(items):
        name = item.get("name")
        if not name:
            yield (*path, position, "name"), "is missing"
        elif name in seen:
            yield (*path, position, "name"), f"{name!r} is the name of two {what}s"
        elif not LABEL.fits(name):
            yield (*path, position, "name"), f"{name!r} is no name of a {what}: lower case letters, digits and '-'"
        seen.add(name or "")


def _mounts(container: Object, volumes: set[Any], path: Path) -> Iterator[Finding]:
    for group in ("volumeMounts", "volumeDevices"):
        for position, mount in enumerate(container.get(group) or []):
            name = (mount or {}).get("name")
            if name and name not in volumes:
                yield (*path, group, position, "name"), f"there is no volume {name!r} in volumes"


def claim(part: Object) -> Iterator[Finding]:
    """A claim for devices, made or there."""
    yield from one_of(part, ("resourceClaimName", "resourceClaimTemplateName"))


def host_alias(part: Object) -> Iterator[Finding]:
    """An address and its names."""
    yield from _address(part.get("ip"), ("ip",))
    for position, name in enumerate(part.get("hostnames") or []):
        if not SUBDOMAIN.fits(name or ""):
            yield ("hostnames", position), f"{name!r} is no name of a host"


def dns(part: Object) -> Iterator[Finding]:
    """Where names are looked up."""
    servers = part.get("nameservers") or []
    if len(servers) > _MAX_NAMESERVERS:
        yield ("nameservers",), f"must be no more than {_MAX_NAMESERVERS}, are {len(servers)}"
    for position, server in enumerate(servers):
        yield from _address(server, ("nameservers", position))
    searches = part.get("searches") or []
    if len(searches) > _MAX_SEARCHES or len(" ".join(map(str, searches))) > _MAX_SEARCHES_LENGTH:
        yield ("searches",), f"must be no more than {_MAX_SEARCHES}, and {_MAX_SEARCHES_LENGTH} characters together"
    for position, name in enumerate(searches):
        if not _search(name or ""):
            yield ("searches", position), f"{name!r} is no name of a domain"


def _search(name: str) -> bool:
    """Whether a name may be looked up in: of labels that may have underscores, a dot at the end or alone."""
    return name == "." or SUBDOMAIN.fits(name.removesuffix(".").replace("_", "x"))


def _address(text: Any, path: Path) -> Iterator[Finding]:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        yield path, f"{text!r} is no IP address"


def security(part: Object) -> Iterator[Finding]:
    """A pod's rights."""
    yield from user_ids(part)
    seen = set[str]()
    for position, sysctl in enumerate(part.get("sysctls") or []):
        name = (sysctl or {}).get("name") or ""
        if not _SYSCTL.fullmatch(name):
            yield ("sysctls", position, "name"), f"{name!r} is no sysctl"
        elif name in seen:
            yield ("sysctls", position, "name"), f"{name} is there twice"
        seen.add(name)


def metadata(part: Object) -> Iterator[Finding]:
    """Labels and annotations."""
    yield from _below("labels", wrong_labels(part.get("labels") or {}))
    for key in part.get("annotations") or {}:
        if why := wrong_key(key.lower()):
            yield ("annotations", key), why
    size = annotations_bytes(part.get("annotations") or {})
    if size > LARGEST_ANNOTATIONS_BYTES:
        yield ("annotations",), f"must be no more than {LARGEST_ANNOTATIONS_BYTES} bytes together, are {size}"


def selector(part: Object) -> Iterator[Finding]:
    """Labels that are looked for."""
    yield from _below("matchLabels", wrong_labels(part.get("matchLabels") or {}))


RULES: dict[str, Rule] = {
    "core.PodSpec": pod,
    "core.PodSecurityContext": security,
    "core.PodResourceClaim": claim,
    "core.HostAlias": host_alias,
    "core.PodDNSConfig": dns,
    "core.PodDNSConfigOption": needs("name"),
    "core.PodOS": needs("name"),
    "meta.ObjectMeta": metadata,
    "meta.OwnerReference": needs("apiVersion", "kind", "name", "uid"),
    "meta.LabelSelector": selector,
}
"""By the type of the part, as `kubernetes_values` calls it."""
