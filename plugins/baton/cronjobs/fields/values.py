"""The values that Kubernetes knows, by the type of the field, and the forms of its names.

Source: k8s.io/api v0.36 (batch/v1, core/v1) and what kube-apiserver's validation takes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from baton.cronjobs.manifests.yaml_documents import Path

Finding = tuple[Path, str]
"""A field, and what is wrong with it."""

VALUES: dict[str, tuple[str, ...]] = {
    "v1.AppArmorProfileType": ("Localhost", "RuntimeDefault", "Unconfined"),
    "v1.AzureDataDiskCachingMode": ("None", "ReadOnly", "ReadWrite"),
    "v1.AzureDataDiskKind": ("Dedicated", "Managed", "Shared"),
    "v1.CompletionMode": ("Indexed", "NonIndexed"),
    "v1.ConcurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "v1.ConditionStatus": ("False", "True", "Unknown"),
    "v1.ContainerRestartPolicy": ("Always", "Never", "OnFailure"),
    "v1.ContainerRestartRuleAction": ("Restart", "RestartAllContainers"),
    "v1.ContainerRestartRuleOnExitCodesOperator": ("In", "NotIn"),
    "v1.DNSPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "v1.HostPathType": (
        "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
    ),
    "v1.LabelSelectorOperator": ("DoesNotExist", "Exists", "In", "NotIn"),
    "v1.MountPropagationMode": ("Bidirectional", "HostToContainer", "None"),
    "v1.NodeInclusionPolicy": ("Honor", "Ignore"),
    "v1.NodeSelectorOperator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"),
    "v1.OSName": ("linux", "windows"),
    "v1.PersistentVolumeAccessMode": ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"),
    "v1.PersistentVolumeMode": ("Block", "Filesystem"),
    "v1.PodFSGroupChangePolicy": ("Always", "OnRootMismatch"),
    "v1.PodFailurePolicyAction": ("Count", "FailIndex", "FailJob", "Ignore"),
    "v1.PodFailurePolicyOnExitCodesOperator": ("In", "NotIn"),
    "v1.PodReplacementPolicy": ("Failed", "TerminatingOrFailed"),
    "v1.PodSELinuxChangePolicy": ("MountOption", "Recursive"),
    "v1.PreemptionPolicy": ("Never", "PreemptLowerPriority"),
    "v1.ProcMountType": ("Default", "Unmasked"),
    "v1.Protocol": ("SCTP", "TCP", "UDP"),
    "v1.PullPolicy": ("Always", "IfNotPresent", "Never"),
    "v1.RecursiveReadOnlyMode": ("Disabled", "Enabled", "IfPossible"),
    "v1.ResourceResizeRestartPolicy": ("NotRequired", "RestartContainer"),
    "v1.SeccompProfileType": ("Localhost", "RuntimeDefault", "Unconfined"),
    "v1.SupplementalGroupsPolicy": ("Merge", "Strict"),
    "v1.TaintEffect": ("NoExecute", "NoSchedule", "PreferNoSchedule"),
    "v1.TerminationMessagePolicy": ("FallbackToLogsOnError", "File"),
    "v1.TolerationOperator": ("Equal", "Exists", "Gt", "Lt"),
    "v1.URIScheme": ("HTTP", "HTTPS"),
    "v1.UnsatisfiableConstraintAction": ("DoNotSchedule", "ScheduleAnyway"),
}  # fmt: skip
"""`RestartPolicy` is not here: a Job may have two of the three, and a rule of its own says so."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LONGEST_QUALIFIED, _LONGEST_SUBDOMAIN = 63, 253


def unknown_value(type_name: str, value: Any) -> str | None:
    """Say what a field of this type may have, if the value is none of it. Empty means the default."""
    known = VALUES.get(type_name)
    if known is None or not isinstance(value, str) or value in ("", *known):
        return None
    return f"must be one of {', '.join(known)}, is {value!r}"


def is_label(text: str) -> bool:
    """Whether it may name a container, a volume, a namespace."""
    return _LABEL.fullmatch(text) is not None


def is_subdomain(text: str) -> bool:
    """Whether it may name most objects."""
    return len(text) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(text) is not None


def wrong_key(key: str) -> str | None:
    """What is wrong with the key of a label or an annotation: `name`, or `example.com/name`."""
    prefix, slash, name = key.rpartition("/")
    if slash and not is_subdomain(prefix):
        return f"{key!r} is no key: before the / stands a DNS name such as example.com"
    if len(name) > _LONGEST_QUALIFIED or not _QUALIFIED.fullmatch(name):
        return f"{key!r} is no key: up to 63 letters, digits, '-', '_' and '.', letters or digits at both ends"
    return None


def is_label_value(text: str) -> bool:
    """Whether it may be what a label says."""
    return not text or (len(text) <= _LONGEST_QUALIFIED and _QUALIFIED.fullmatch(text) is not None)


def wrong_labels(labels: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with labels, or with what is compared with labels."""
    for key, value in labels.items():
        if why := wrong_key(key):
            yield (key,), why
        elif value and not is_label_value(value):
            yield (
                (key,),
                f"{value!r} is no label: up to 63 letters, digits, '-', '_' and '.', letters or digits at both ends",
            )
