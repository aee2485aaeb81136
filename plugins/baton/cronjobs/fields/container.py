"""What Kubernetes refuses in a container, by the type of the part; each rule sees a part whose fields are well-formed.

Source: pkg/apis/core/validation/validation.go of kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from baton.cronjobs.fields.values import Finding, wrong_key
from kubernetes_values import PORT_NAME, SUBDOMAIN, QuantityError, amount

Object = dict[str, Any]
Rule = Callable[[Object], Iterator[Finding]]

_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
RESOURCES = ("cpu", "memory", "ephemeral-storage")
_LARGEST_ID = 2**31 - 1
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_WINDOWS_USER = re.compile(
    r"""(?:[^\\/:*?"<>|.][^\\/:*?"<>|]{0,255}\\)?(?![. ]+$)[^"/\\:;|=,+*?<>@\[\]\x00-\x1f]{1,104}"""
)


def needs(*names: str) -> Rule:
    """The rule that a part has these fields."""

    def rule(part: Object) -> Iterator[Finding]:
        for name in names:
            if part.get(name) in (None, ""):
                yield (name,), "is missing"

    return rule


def negative(part: Object, names: tuple[str, ...]) -> Iterator[Finding]:
    """Which of these numbers are below 0."""
    for name in names:
        if (part.get(name) or 0) < 0:
            yield (name,), f"must be 0 or more, is {part[name]}"


def one_of(part: Object, names: tuple[str, ...], *, needed: bool = True) -> Iterator[Finding]:
    """What is wrong with a part that has one of these fields."""
    given = [name for name in names if part.get(name) is not None]
    if needed and not given:
        yield (), f"needs one of {', '.join(names)}"
    for name in given[1:]:
        yield (name,), f"cannot stand beside {given[0]}"


def container(part: Object) -> Iterator[Finding]:
    """Its image, and what must be unique in a container."""
    yield from needs("image")(part)
    image = part.get("image") or ""
    if image != image.strip():
        yield ("image",), "begins or ends with white space"
    yield from _twice(part.get("volumeMounts"), "volumeMounts", "mountPath")
    yield from _twice(part.get("ports"), "ports", "name")
    yield from _twice(part.get("resizePolicy"), "resizePolicy", "resourceName")
    if part.get("restartPolicyRules") and not part.get("restartPolicy"):
        yield ("restartPolicy",), "is missing: restartPolicyRules need it"
    for name in ("livenessProbe", "startupProbe"):
        threshold = (part.get(name) or {}).get("successThreshold")
        if threshold not in (None, 0, 1):
            yield (name, "successThreshold"), f"must be 1, is {threshold}"
    if (part.get("readinessProbe") or {}).get("terminationGracePeriodSeconds") is not None:
        yield ("readinessProbe", "terminationGracePeriodSeconds"), "must not be set: nothing is ended by this probe"
    privileged = (part.get("securityContext") or {}).get("privileged")
    for position, given in enumerate(part.get("volumeMounts") or []):
        if (given or {}).get("mountPropagation") == "Bidirectional" and not privileged:
            yield ("volumeMounts", position, "mountPropagation"), "Bidirectional needs a privileged container"


def _twice(items: Any, group: str, key: str) -> Iterator[Finding]:
    seen = set[Any]()
    for position, item in enumerate(items or []):
        value = (item or {}).get(key)
        if value and value in seen:
            yield (group, position, key), f"{value} is there twice"
        seen.add(value)


def relative_path(part: Object, name: str) -> Iterator[Finding]:
    """A path that has to stay below a volume."""
    path = part.get(name)
    if not path:
        yield (name,), "is missing"
    elif path.startswith("..") and not path.startswith("../"):
        yield (name,), f"{path!r} must not begin with .."
    else:
        yield from _stays_below(path, name)


def _stays_below(path: str, name: str) -> Iterator[Finding]:
    if path.startswith("/"):
        yield (name,), f"{path!r} must be a relative path"
    elif ".." in path.split("/"):
        yield (name,), f"{path!r} must not contain .."


def mount(part: Object) -> Iterator[Finding]:
    """Where a volume is mounted."""
    yield from needs("name", "mountPath")(part)
    if part.get("recursiveReadOnly") in ("Enabled", "IfPossible"):
        if not part.get("readOnly"):
            yield ("recursiveReadOnly",), "needs readOnly: true"
        if part.get("mountPropagation") not in (None, "None"):
            yield ("recursiveReadOnly",), f"cannot stand beside mountPropagation {part['mountPropagation']}"
    for name in ("subPath", "subPathExpr"):
        yield from _stays_below(part.get(name) or "", name)
    yield from one_of(part, tuple(name for name in ("subPath", "subPathExpr") if part.get(name)), needed=False)


def port(part: Object) -> Iterator[Finding]:
    """A port of a container."""
    name = part.get("name")
    if name and not PORT_NAME.fits(name):
        yield ("name",), f"{name!r} is no name of a port: up to 15 lower case letters, digits and '-'"
    if part.get("containerPort") is None:
        yield ("containerPort",), "is missing"
    for field in ("containerPort", "hostPort"):
        number = part.get(field)
        if number is not None and not (0 < number < 65536 or (field == "hostPort" and number == 0)):
            yield (field,), f"must be a port from 1 to 65535, is {number}"


def resources(part: Object) -> Iterator[Finding]:
    """What a container requests, and its limits."""
    limits = part.get("limits") or {}
    for group in ("limits", "requests"):
        for name, value in (part.get(group) or {}).items():
            if "/" not in name and name not in RESOURCES and not name.startswith("hugepages-"):
                yield (group, name), f"unknown resource; {', '.join(RESOURCES)}, or a name with a / in it"
            elif "/" in name and (why := wrong_key(name)):
                yield (group, name), why
            elif number_of(value) < 0:
                yield (group, name), f"must be 0 or more, is {value}"
            elif "/" in name and number_of(value) % 1:
                yield (group, name), f"must be a whole number, is {value}"
            elif name.startswith("hugepages-") and not _are_pages(name, value):
                yield (group, name), f"must be a multiple of the page's size, is {value}"
    given = {*limits, *(part.get("requests") or {})}
    if any(name.startswith("hugepages-") for name in given) and not given & {"cpu", "memory"}:
        yield (), "hugepages need cpu or memory beside them"
    for name, value in (part.get("requests") or {}).items():
        if name not in limits:
            if "/" in name or name.startswith("hugepages-"):
                yield ("limits", name), "is missing: such a resource needs a limit"
            continue
        if number_of(value) > number_of(limits[name]):
            yield ("requests", name), f"{value} is more than the limit of {limits[name]}"
        elif "/" in name and number_of(value) != number_of(limits[name]):
            yield ("requests", name), f"must equal the limit of {limits[name]}, is {value}"


def _are_pages(name: str, value: Any) -> bool:
    try:
        size = amount(name.removeprefix("hugepages-"))
    except QuantityError:
        return False
    return size > 0 and number_of(value) % size == 0


def number_of(value: Any) -> Decimal:
    """The number that a well-formed quantity stands for; 0 for an empty field."""
    return Decimal(0) if value is None else amount(str(value))


def probe(part: Object) -> Iterator[Finding]:
    """A probe does one thing."""
    yield from one_of(part, ("exec", "httpGet", "tcpSocket", "grpc"))
    yield from negative(part, _PROBE_NUMBERS)
    grace = part.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield ("terminationGracePeriodSeconds",), f"must be 1 or more, is {grace}"
    yield from _command(part)


def handler(part: Object) -> Iterator[Finding]:
    """What is done as a container starts or ends: one thing."""
    yield from one_of(part, ("exec", "httpGet", "tcpSocket", "sleep"))
    yield from _command(part)
    yield from ((("sleep", *path), why) for path, why in negative(part.get("sleep") or {}, ("seconds",)))


def _command(part: Object) -> Iterator[Finding]:
    if part.get("exec") is not None and not part["exec"].get("command"):
        yield ("exec", "command"), "is missing"


def target_port(part: Object) -> Iterator[Finding]:
    """The port that a probe asks, by number or name."""
    value = part.get("port")
    if value in (None, ""):
        yield ("port",), "is missing"
    elif isinstance(value, str) and not PORT_NAME.fits(value):
        yield ("port",), f"{value!r} is no name of a port; a number stands there without quotes"
    elif isinstance(value, int) and not 0 < value < 65536:
        yield ("port",), f"must be a port from 1 to 65535, is {value}"


def grpc(part: Object) -> Iterator[Finding]:
    """The port that a probe asks, a number."""
    port = part.get("port") or 0
    if not 0 < port < 65536:
        yield ("port",), f"must be a port from 1 to 65535, is {port}" if part.get("port") else "is missing"


def header(part: Object) -> Iterator[Finding]:
    """A header of a request."""
    name = part.get("name") or ""
    if not _HEADER.fullmatch(name):
        yield ("name",), f"{name!r} is no name of a header: letters, digits and '-'" if name else "is missing"


def security(part: Object) -> Iterator[Finding]:
    """A container's rights."""
    if part.get("allowPrivilegeEscalation") is False:
        added = (part.get("capabilities") or {}).get("add") or []
        reason = "privileged" if part.get("privileged") else "CAP_SYS_ADMIN" if "CAP_SYS_ADMIN" in added else None
        if reason:
            yield ("allowPrivilegeEscalation",), f"cannot be false beside {reason}"
    yield from user_ids(part)


def user_ids(part: Object) -> Iterator[Finding]:
    """Users and groups are numbers of 31 bits."""
    given = {(name,): part.get(name) for name in ("runAsUser", "runAsGroup", "fsGroup")}
    groups = {
        ("supplementalGroups", position): group for position, group in enumerate(part.get("supplementalGroups") or [])
    }
    for path, number in (given | groups).items():
        if not 0 <= (number or 0) <= _LARGEST_ID:
            yield path, f"must be from 0 to {_LARGEST_ID}, is {number}"


def profile(part: Object) -> Iterator[Finding]:
    """A seccomp or AppArmor profile."""
    yield from needs("type")(part)
    local = part.get("type") == "Localhost"
    has_one = bool(part.get("localhostProfile")) if local else part.get("localhostProfile") is not None
    if local != has_one and part.get("type"):
        yield ("localhostProfile",), "is missing" if local else f"cannot stand beside type {part['type']}"
    elif local and part["localhostProfile"] != part["localhostProfile"].strip():
        yield ("localhostProfile",), "begins or ends with white space"


def seccomp(part: Object) -> Iterator[Finding]:
    """A seccomp profile, which is a file below the kubelet's folder where it is a local one."""
    yield from profile(part)
    yield from _stays_below(part.get("localhostProfile") or "", "localhostProfile")


def windows_options(part: Object) -> Iterator[Finding]:
    """A container's account on Windows."""
    spec = part.get("gmsaCredentialSpecName")
    if spec is not None and not SUBDOMAIN.fits(spec):
        yield ("gmsaCredentialSpecName",), f"{spec!r} is no name: lower case letters, digits, '-' and '.'"
    user = part.get("runAsUserName")
    if user is not None and not _WINDOWS_USER.fullmatch(user):
        yield ("runAsUserName",), f"{user!r} is no user of Windows: NAME or DOMAIN\\NAME"


RULES: dict[str, Rule] = {
    "core.Container": container,
    "core.VolumeMount": mount,
    "core.VolumeDevice": needs("name", "devicePath"),
    "core.ContainerPort": port,
    "core.ResourceRequirements": resources,
    "core.Probe": probe,
    "core.LifecycleHandler": handler,
    "core.HTTPGetAction": target_port,
    "core.TCPSocketAction": target_port,
    "core.GRPCAction": grpc,
    "core.HTTPHeader": header,
    "core.WindowsSecurityContextOptions": windows_options,
    "core.SecurityContext": security,
    "core.SeccompProfile": seccomp,
    "core.AppArmorProfile": profile,
}
"""By the type of the part, as `kubernetes_values` calls it."""
