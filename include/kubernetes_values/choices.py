"""The words that a field may have, by the type of the field as Kubernetes' Go code calls it.

Source: k8s.io/api v0.36 (batch/v1, core/v1, apps/v1).
"""

from __future__ import annotations

CHOICES: dict[str, tuple[str, ...]] = {
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
