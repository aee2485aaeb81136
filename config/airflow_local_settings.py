"""Cluster policies: what this installation changes in every DAG, so that DAGs need not know where they run."""

from __future__ import annotations

import os
from typing import Any

from airflow.exceptions import AirflowClusterPolicySkipDag

from baton.jobs.api.policy import apply_override
from baton.settings import settings


def dag_policy(dag: Any) -> None:
    """Leave out the groups of DAGs that the setting `left_out_dags` names, and give DAGs the schedules of the jobs API.

    A DAG's tag tells its group.
    """
    left_out = {"cronjob" if group == "cronjobs" else f"area/{group}" for group in settings().left_out_dags}
    if left_out & set(dag.tags):
        raise AirflowClusterPolicySkipDag(f"{dag.dag_id} is left out by the setting left_out_dags")
    apply_override(dag)


def task_policy(task: Any) -> None:
    """Send pod tasks to the local Kubernetes, also those written for the inside of a cluster, and poll often.

    Only a stack on one machine has something to change. It says so with BATON_KUBECONFIG; without it nothing happens.

    Why poll often: the defaults (2 to 5 s between looks) spare a cluster's API server; the local one is idle, and each
    look that comes late is a hand-over that waits.
    """
    if "BATON_KUBECONFIG" in os.environ and hasattr(task, "startup_check_interval_seconds"):
        _run_locally(task)


def _run_locally(task: Any) -> None:
    task.kubernetes_conn_id = "kubernetes_default"
    task.in_cluster = None
    task.config_file = None
    task.cluster_context = None
    task.startup_check_interval_seconds = min(task.startup_check_interval_seconds, 1)
    task.poll_interval = min(task.poll_interval, 0.2)
