"""What Kubernetes refuses in a volume, by the type of the part, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator

from baton.cronjobs.fields.container import Object, Rule, needs, number_of, one_of, relative_path
from baton.cronjobs.fields.values import Finding
from kubernetes_values import SUBDOMAIN

_HIGHEST_MODE = 0o777
_SHORTEST_TOKEN_SECONDS = 600
_PROJECTED = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")


def volume(part: Object) -> Iterator[Finding]:
    """One source at most; none is an emptyDir."""
    yield from one_of(part, tuple(name for name in part if name != "name"), needed=False)


def files(*names: str) -> Rule:
    """The rule for a volume of files: needs these fields, and a mode that is one."""

    def rule(part: Object) -> Iterator[Finding]:
        yield from needs(*names)(part)
        yield from _mode(part, "defaultMode")

    return rule


def _mode(part: Object, name: str) -> Iterator[Finding]:
    if part.get(name) is not None and not 0 <= part[name] <= _HIGHEST_MODE:
        yield (name,), f"must be a mode from 0 to 0777, is {part[name]} (a decimal 644 is no mode; write 0644)"


def item(part: Object) -> Iterator[Finding]:
    """A key that becomes a file."""
    yield from needs("key")(part)
    yield from relative_path(part, "path")
    yield from _mode(part, "mode")


def empty_dir(part: Object) -> Iterator[Finding]:
    """Its size, if it has a limit."""
    if number_of(part.get("sizeLimit") or 0) < 0:
        yield ("sizeLimit",), f"must be 0 or more, is {part['sizeLimit']}"


def host_path(part: Object) -> Iterator[Finding]:
    """A path of the node, without steps back."""
    yield from needs("path")(part)
    if ".." in (part.get("path") or "").split("/"):
        yield ("path",), f"{part['path']!r} must not contain .."


def nfs(part: Object) -> Iterator[Finding]:
    """A server's folder."""
    yield from needs("server", "path")(part)
    if part.get("path") and not part["path"].startswith("/"):
        yield ("path",), f"{part['path']!r} must be an absolute path"


def csi(part: Object) -> Iterator[Finding]:
    """A driver's volume."""
    yield from needs("driver")(part)
    if part.get("driver") and not SUBDOMAIN.fits(part["driver"].lower()):
        yield ("driver",), f"{part['driver']!r} is no name of a driver: letters, digits, '-' and '.'"


def claim(part: Object) -> Iterator[Finding]:
    """What a volume of one's own asks for."""
    if not part.get("accessModes"):
        yield ("accessModes",), "is missing"
    if not ((part.get("resources") or {}).get("requests") or {}).get("storage"):
        yield ("resources", "requests", "storage"), "is missing"


def projected(part: Object) -> Iterator[Finding]:
    """Files of several sources, each source for itself, no file twice."""
    yield from _mode(part, "defaultMode")
    seen = set[str]()
    for position, source in enumerate(part.get("sources") or []):
        source = source or {}
        yield from ((("sources", position, *path), why) for path, why in one_of(source, _PROJECTED, needed=False))
        for kind in ("secret", "configMap", "downwardAPI"):
            for place, file in enumerate((source.get(kind) or {}).get("items") or []):
                name = (file or {}).get("path") or ""
                if name and name in seen:
                    yield ("sources", position, kind, "items", place, "path"), f"{name!r} is there twice"
                seen.add(name)


def token(part: Object) -> Iterator[Finding]:
    """A service account's token in a file."""
    yield from relative_path(part, "path")
    seconds = part.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST_TOKEN_SECONDS:
        yield ("expirationSeconds",), f"must be {_SHORTEST_TOKEN_SECONDS} or more, is {seconds}"


RULES: dict[str, Rule] = {
    "core.Volume": volume,
    "core.EmptyDirVolumeSource": empty_dir,
    "core.SecretVolumeSource": files("secretName"),
    "core.ConfigMapVolumeSource": files("name"),
    "core.DownwardAPIVolumeSource": files(),
    "core.ProjectedVolumeSource": projected,
    "core.SecretProjection": needs("name"),
    "core.ConfigMapProjection": needs("name"),
    "core.ServiceAccountTokenProjection": token,
    "core.KeyToPath": item,
    "core.PersistentVolumeClaimVolumeSource": needs("claimName"),
    "core.EphemeralVolumeSource": needs("volumeClaimTemplate"),
    "core.PersistentVolumeClaimTemplate": needs("spec"),
    "core.PersistentVolumeClaimSpec": claim,
    "core.HostPathVolumeSource": host_path,
    "core.NFSVolumeSource": nfs,
    "core.CSIVolumeSource": csi,
    "core.AWSElasticBlockStoreVolumeSource": needs("volumeID"),
    "core.AzureDiskVolumeSource": needs("diskName", "diskURI"),
    "core.AzureFileVolumeSource": needs("secretName", "shareName"),
    "core.CephFSVolumeSource": needs("monitors"),
    "core.CinderVolumeSource": needs("volumeID"),
    "core.FlexVolumeSource": needs("driver"),
    "core.GCEPersistentDiskVolumeSource": needs("pdName"),
    "core.GitRepoVolumeSource": needs("repository"),
    "core.GlusterfsVolumeSource": needs("endpoints", "path"),
    "core.ISCSIVolumeSource": needs("targetPortal", "iqn"),
    "core.PhotonPersistentDiskVolumeSource": needs("pdID"),
    "core.PortworxVolumeSource": needs("volumeID"),
    "core.QuobyteVolumeSource": needs("registry", "volume"),
    "core.RBDVolumeSource": needs("monitors", "image"),
    "core.VsphereVirtualDiskVolumeSource": needs("volumePath"),
}
"""By the type of the part, as `kubernetes_values` calls it."""
