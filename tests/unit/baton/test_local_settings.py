"""Cluster policies: pod tasks go to the local Kubernetes where there is one, and nowhere else."""

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.standard.operators.empty import EmptyOperator

import airflow_local_settings
from baton.workloads.operator import WorkloadOperator


def task_from_a_cluster():
    return KubernetesPodOperator(
        task_id="t", image="i", in_cluster=True, config_file="/etc/kube", cluster_context="c", kubernetes_conn_id=None
    )


def test_task_written_for_a_cluster_runs_locally(monkeypatch):
    """The same DAG file, unchanged."""
    monkeypatch.setenv("BATON_KUBECONFIG", "somewhere")
    task = task_from_a_cluster()
    airflow_local_settings.task_policy(task)
    assert task.kubernetes_conn_id == "kubernetes_default"
    assert (task.in_cluster, task.config_file, task.cluster_context) == (None, None, None)


@pytest.mark.parametrize("make", [task_from_a_cluster, lambda: WorkloadOperator(task_id="t", command=[])])
def test_local_tasks_look_often(monkeypatch, make):
    """Nobody else needs the local API server."""
    monkeypatch.setenv("BATON_KUBECONFIG", "somewhere")
    task = make()
    airflow_local_settings.task_policy(task)
    assert task.poll_interval <= 0.2
    assert task.startup_check_interval_seconds <= 1


def test_cluster_keeps_what_the_dag_says(monkeypatch):
    """Without a local Kubernetes nothing is changed."""
    monkeypatch.delenv("BATON_KUBECONFIG", raising=False)
    task = task_from_a_cluster()
    airflow_local_settings.task_policy(task)
    assert task.in_cluster is True
    assert task.poll_interval == 2


def test_other_tasks_are_left_alone(monkeypatch):
    """A policy sees every task."""
    monkeypatch.setenv("BATON_KUBECONFIG", "somewhere")
    task = EmptyOperator(task_id="t")
    airflow_local_settings.task_policy(task)
    assert not hasattr(task, "kubernetes_conn_id")
