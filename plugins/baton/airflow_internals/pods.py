"""What the Kubernetes provider has beside its operators, hooks and triggers: names and small helpers of its pods.

Importing this costs as much as the provider's operator does: seconds.
"""

from __future__ import annotations

from airflow.providers.cncf.kubernetes.secret import Secret
from airflow.providers.cncf.kubernetes.triggers.pod import ContainerState
from airflow.providers.cncf.kubernetes.utils.pod_manager import (
    EMPTY_XCOM_RESULT,
    OnFinishAction,
    OnKillAction,
    PodPhase,
    detect_pod_terminate_early_issues,
)
from airflow.providers.cncf.kubernetes.utils.xcom_sidecar import PodDefaults

SIDECAR = PodDefaults.SIDECAR_CONTAINER_NAME
"""Name of the container that keeps a pod's result until it is read."""
SIDECAR_IMAGE = PodDefaults.SIDECAR_CONTAINER.image
"""Its image where the Kubernetes connection names none: one of Docker Hub."""
RESULT_FILE = f"{PodDefaults.XCOM_MOUNT_PATH}/return.json"

__all__ = [
    "EMPTY_XCOM_RESULT",
    "RESULT_FILE",
    "SIDECAR",
    "SIDECAR_IMAGE",
    "ContainerState",
    "OnFinishAction",
    "OnKillAction",
    "PodPhase",
    "Secret",
    "detect_pod_terminate_early_issues",
]
