"""Pod Security Standards: what of a pod violates a level, in the words of a real server.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ and recorded refusals (v1.36).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]
LEVELS = ("privileged", "baseline", "restricted")
LABEL = "pod-security.kubernetes.io/"
_CAPABILITIES = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID "
    "SYS_CHROOT".split()
)
_SYSCTLS = frozenset(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports "
    "net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range net.ipv4.tcp_fin_timeout "
    "net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time net.ipv4.tcp_rmem "
    "net.ipv4.tcp_syncookies net.ipv4.tcp_wmem".split()
)
_VOLUMES = frozenset(
    "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret".split()
)
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_HOST = ("hostNetwork", "hostPID", "hostIPC")
Finding = tuple[str, str]  # what is forbidden, and where


def level_of(namespace: Object | None, mode: str) -> tuple[str, str]:
    """Level and version that a namespace's labels give for ``enforce``, ``warn`` or ``audit``."""
    labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    version = labels.get(f"{LABEL}{mode}-version") or "latest"
    return labels.get(f"{LABEL}{mode}") or "privileged", version


def violations(level: str, spec: Object) -> list[Finding]:
    """What of a pod's spec a level forbids; empty if nothing."""
    if level == "privileged":
        return []
    checks = (*_BOTH, *(_RESTRICTED if level == "restricted" else _BASELINE))
    return [finding for check in checks for finding in check(spec)]


def told(findings: list[Finding]) -> str:
    """Findings as a message has them."""
    return ", ".join(f"{what} ({where})" for what, where in findings)


def _containers(spec: Object) -> list[Object]:
    return [
        *(spec.get("initContainers") or []),
        *(spec.get("containers") or []),
        *(spec.get("ephemeralContainers") or []),
    ]


def _security(container: Object) -> Object:
    return container.get("securityContext") or {}


def _named(names: list[str], word: str = "container") -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f"{word}{'s' if len(names) > 1 else ''} {listed}"


def _failing(spec: Object, fails: Callable[[Object], bool]) -> list[str]:
    return [each["name"] for each in _containers(spec) if fails(each)]


def _host_namespaces(spec: Object) -> Iterator[Finding]:
    used = [f"{name}=true" for name in _HOST if spec.get(name)]
    if used:
        yield "host namespaces", ", ".join(used)


def _host_ports(spec: Object) -> Iterator[Finding]:
    ports = {
        each["name"]: [str(port["hostPort"]) for port in each.get("ports") or [] if port.get("hostPort")]
        for each in _containers(spec)
    }
    names = [name for name, used in ports.items() if used]
    if names:
        numbers = [number for name in names for number in ports[name]]
        uses, what = ("use", "hostPorts") if len(names) > 1 else ("uses", "hostPort")
        what = "hostPorts" if len(numbers) > 1 else what
        yield "hostPort", f"{_named(names)} {uses} {what} {', '.join(numbers)}"


def _privileged(spec: Object) -> Iterator[Finding]:
    names = _failing(spec, lambda each: bool(_security(each).get("privileged")))
    if names:
        yield "privileged", f"{_named(names)} must not set securityContext.privileged=true"


def _sysctls(spec: Object) -> Iterator[Finding]:
    wanted = [each["name"] for each in (spec.get("securityContext") or {}).get("sysctls") or []]
    if forbidden := [name for name in wanted if name not in _SYSCTLS]:
        yield "forbidden sysctls", ", ".join(forbidden)


def _proc_mount(spec: Object) -> Iterator[Finding]:
    names = _failing(spec, lambda each: _security(each).get("procMount") not in (None, "", "Default"))
    if names:
        yield "procMount", f'{_named(names)} must not set securityContext.procMount to "Unmasked"'


def _selinux(spec: Object) -> Iterator[Finding]:
    def fails(context: Object) -> bool:
        options = context.get("seLinuxOptions") or {}
        return options.get("type", "") not in _SELINUX or bool(options.get("user") or options.get("role"))

    names = _failing(spec, lambda each: fails(_security(each)))
    if fails(spec.get("securityContext") or {}):
        names = ["pod", *names]
    if names:
        yield "seLinuxOptions", f"{', '.join(names)} set forbidden securityContext.seLinuxOptions"


def _capabilities(spec: Object) -> Iterator[Finding]:
    where = _added(spec, _CAPABILITIES)
    if where:
        yield "non-default capabilities", where


def _added(spec: Object, allowed: frozenset[str]) -> str:
    added: list[str] = []

    def fails(each: Object) -> bool:
        more = [name for name in (_security(each).get("capabilities") or {}).get("add") or [] if name not in allowed]
        added.extend(name for name in more if name not in added)
        return bool(more)

    names = _failing(spec, fails)
    if not names:
        return ""
    listed = ", ".join(f'"{name}"' for name in added)
    return f"{_named(names)} must not include {listed} in securityContext.capabilities.add"


def _host_paths(spec: Object) -> Iterator[Finding]:
    names = [each["name"] for each in spec.get("volumes") or [] if "hostPath" in each]
    if names:
        yield "hostPath volumes", _named(names, "volume")


def _seccomp(spec: Object) -> Iterator[Finding]:
    bad = {"Unconfined"}
    where = _profiles(spec, lambda kind: kind in bad)
    if where:
        yield "seccompProfile", f'{where} must not set securityContext.seccompProfile.type to "Unconfined"'


def _profiles(spec: Object, fails: Callable[[str | None], bool]) -> str:
    def kind(context: Object) -> str | None:
        return (context.get("seccompProfile") or {}).get("type")

    names = _failing(spec, lambda each: kind(_security(each)) is not None and fails(kind(_security(each))))
    own = kind(spec.get("securityContext") or {})
    whole = ["pod"] if own is not None and fails(own) else []
    return " and ".join([*whole, *([_named(names)] if names else [])])


def _escalation(spec: Object) -> Iterator[Finding]:
    names = _failing(spec, lambda each: _security(each).get("allowPrivilegeEscalation") is not False)
    if names:
        where = f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false"
        yield "allowPrivilegeEscalation != false", where


def _dropped(spec: Object) -> Iterator[Finding]:
    names = _failing(spec, lambda each: "ALL" not in ((_security(each).get("capabilities") or {}).get("drop") or []))
    dropped = f'{_named(names)} must set securityContext.capabilities.drop=["ALL"]' if names else ""
    parts = [part for part in (dropped, _added(spec, frozenset({"NET_BIND_SERVICE"}))) if part]
    if parts:
        yield "unrestricted capabilities", "; ".join(parts)


def _volumes(spec: Object) -> Iterator[Finding]:
    found = [
        (each["name"], kind)
        for each in spec.get("volumes") or []
        for kind in each
        if kind != "name" and kind not in _VOLUMES
    ]
    if found:
        kinds = ", ".join(f'"{kind}"' for kind in dict.fromkeys(kind for _, kind in found))
        names, plural = [name for name, _ in found], len(found) > 1
        uses = "use restricted volume types" if plural else "uses restricted volume type"
        yield "restricted volume types", f"{_named(names, 'volume')} {uses} {kinds}"


def _non_root(spec: Object) -> Iterator[Finding]:
    whole = (spec.get("securityContext") or {}).get("runAsNonRoot")
    explicit = _failing(spec, lambda each: _security(each).get("runAsNonRoot") is False)
    if explicit:
        yield "runAsNonRoot != true", f"{_named(explicit)} must not set securityContext.runAsNonRoot=false"
        return
    names = _failing(spec, lambda each: _security(each).get("runAsNonRoot") is None)
    if whole is not True and names:
        yield "runAsNonRoot != true", f"pod or {_named(names)} must set securityContext.runAsNonRoot=true"


def _root_user(spec: Object) -> Iterator[Finding]:
    names = _failing(spec, lambda each: _security(each).get("runAsUser") == 0)
    whole = ["pod"] if (spec.get("securityContext") or {}).get("runAsUser") == 0 else []
    where = " and ".join([*whole, *([_named(names)] if names else [])])
    if where:
        yield "runAsUser=0", f"{where} must not set runAsUser=0"


def _profile_wanted(spec: Object) -> Iterator[Finding]:
    forbidden = list(_seccomp(spec))
    if forbidden:
        yield forbidden[0]
        return
    whole = (spec.get("securityContext") or {}).get("seccompProfile")
    names = _failing(spec, lambda each: not _security(each).get("seccompProfile"))
    if not whole and names:
        where = f"pod or {_named(names)} must set securityContext.seccompProfile.type"
        yield "seccompProfile", f'{where} to "RuntimeDefault" or "Localhost"'


_BOTH = (_host_namespaces, _host_ports, _privileged, _selinux, _proc_mount, _sysctls)
_BASELINE = (_capabilities, _host_paths, _seccomp)
_RESTRICTED = (_escalation, _dropped, _volumes, _non_root, _root_user, _profile_wanted)
