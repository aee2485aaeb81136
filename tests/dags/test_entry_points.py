"""Pods of DAGs run a command that their image has."""

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from tests.unit.deploy.test_entry_points import IMAGE, check_workload, is_ours


def test_pods_of_dags_run_a_command_that_there_is(dag_bag):
    """Whether they rely on the image's entry point or not."""
    tasks = [task for dag in dag_bag.dags.values() for task in dag.tasks if isinstance(task, KubernetesPodOperator)]
    ours = [task for task in tasks if is_ours(task.image)]
    assert len(ours) >= 20
    for task in ours:
        check_workload([*(task.cmds or IMAGE.entrypoint), *task.arguments])
