"""What Kubernetes refuses in a volume, by the type of the part, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator

from baton.cronjobs.fields.container import Object, Rule, needs, number_of, one_of, relative_path
from baton.cronjobs.fields.values import Finding
from kubernetes_values import SUBDOMAIN

_HIGHEST_MODE = 0o777
_MIN_TOKEN_SECONDS, _MAX_TOKEN_SECONDS = 600, 2**32
_MAX_PARTITION = 255
_MAX_DRIVER_LENGTH = 63
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
    secret = part.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        yield ("nodePublishSecretRef", "name"), "is missing"
    if part.get("driver") and not (
        SUBDOMAIN.fits(part["driver"].lower()) and len(part["driver"]) <= _MAX_DRIVER_LENGTH
    ):
        yield ("driver",), f"{part['driver']!r} is no name of a driver: letters, digits, '-' and '.'"


def claim(part: Object) -> Iterator[Finding]:
    """What a volume of one's own asks for."""
    if not part.get("accessModes"):
        yield ("accessModes",), "is missing"
    elif "ReadWriteOncePod" in part["accessModes"] and len(part["accessModes"]) > 1:
        yield ("accessModes",), "ReadWriteOncePod stands alone"
    size = ((part.get("resources") or {}).get("requests") or {}).get("storage")
    if not size:
        yield ("resources", "requests", "storage"), "is missing"
    elif number_of(size) <= 0:
        yield ("resources", "requests", "storage"), f"must be more than 0, is {size}"


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
    if seconds is not None and not _MIN_TOKEN_SECONDS <= seconds <= _MAX_TOKEN_SECONDS:
        yield ("expirationSeconds",), f"must be {_MIN_TOKEN_SECONDS} to {_MAX_TOKEN_SECONDS}, is {seconds}"


def trust_bundle(part: Object) -> Iterator[Finding]:
    """Certificates by name or by who signs them."""
    yield from one_of(part, ("name", "signerName"))
    yield from relative_path(part, "path")
    if part.get("name") is not None and part.get("labelSelector") is not None:
        yield ("labelSelector",), "cannot stand beside name"


def disk(*names: str) -> Rule:
    """The rule for a disk with parts."""

    def rule(part: Object) -> Iterator[Finding]:
        yield from needs(*names)(part)
        if not 0 <= (part.get("partition") or 0) <= _MAX_PARTITION:
            yield ("partition",), f"must be from 0 to {_MAX_PARTITION}, is {part['partition']}"

    return rule


def azure_disk(part: Object) -> Iterator[Finding]:
    """A disk, whose address depends on its kind."""
    yield from needs("diskName", "diskURI")(part)
    kind, address = part.get("kind"), part.get("diskURI") or ""
    begins = "/subscriptions/" if kind == "Managed" else "https://"
    if kind and address and not address.startswith(begins):
        yield ("diskURI",), f"must begin with {begins} for a disk of kind {kind}, is {address!r}"


def iscsi(part: Object) -> Iterator[Finding]:
    """A disk of another machine."""
    yield from needs("targetPortal", "iqn")(part)
    for name in ("iqn", "initiatorName"):
        given = part.get(name)
        if given and not given.startswith(("iqn", "eui", "naa")):
            yield (name,), f"must begin with iqn, eui or naa, is {given!r}"
    yield from _lun(part)
    if (part.get("chapAuthDiscovery") or part.get("chapAuthSession")) and part.get("secretRef") is None:
        yield ("secretRef",), "is missing: chapAuth needs it"


def fibre_channel(part: Object) -> Iterator[Finding]:
    """A disk by the names of its target, or by its own."""
    given = {name: part.get(name) or None for name in ("targetWWNs", "wwids")}
    yield from one_of(given, ("targetWWNs", "wwids"))
    if given["targetWWNs"] and part.get("lun") is None:
        yield ("lun",), "is missing: targetWWNs need it"
    yield from _lun(part)


def _lun(part: Object) -> Iterator[Finding]:
    if not 0 <= (part.get("lun") or 0) <= _MAX_PARTITION:
        yield ("lun",), f"must be from 0 to {_MAX_PARTITION}, is {part['lun']}"


def git(part: Object) -> Iterator[Finding]:
    """A folder to clone into."""
    yield from needs("repository")(part)
    if part.get("directory"):
        yield from relative_path(part, "directory")


def flex(part: Object) -> Iterator[Finding]:
    """A driver and its options, which are not Kubernetes'."""
    yield from needs("driver")(part)
    for key in part.get("options") or {}:
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            yield ("options", key), "is a name of Kubernetes' own"


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
    "core.ClusterTrustBundleProjection": trust_bundle,
    "core.AWSElasticBlockStoreVolumeSource": disk("volumeID"),
    "core.AzureDiskVolumeSource": azure_disk,
    "core.AzureFileVolumeSource": needs("secretName", "shareName"),
    "core.CephFSVolumeSource": needs("monitors"),
    "core.CinderVolumeSource": needs("volumeID"),
    "core.FCVolumeSource": fibre_channel,
    "core.FlexVolumeSource": flex,
    "core.GCEPersistentDiskVolumeSource": disk("pdName"),
    "core.GitRepoVolumeSource": git,
    "core.ImageVolumeSource": needs("reference"),
    "core.ScaleIOVolumeSource": needs("gateway", "system", "volumeName"),
    "core.GlusterfsVolumeSource": needs("endpoints", "path"),
    "core.ISCSIVolumeSource": iscsi,
    "core.PhotonPersistentDiskVolumeSource": needs("pdID"),
    "core.PortworxVolumeSource": needs("volumeID"),
    "core.QuobyteVolumeSource": needs("registry", "volume"),
    "core.RBDVolumeSource": needs("monitors", "image"),
    "core.VsphereVirtualDiskVolumeSource": needs("volumePath"),
}
"""By the type of the part, as `kubernetes_values` calls it."""
