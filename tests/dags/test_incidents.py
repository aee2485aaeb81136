"""The DAGs of incidents: what follows what, and what the clock starts."""

import pytest

from baton.incidents.heal_operator import LEAVE_IT, RESTART_IT


def test_an_unhealthy_workload_is_asked_about_before_it_is_restarted(dag_bag):
    """Most need no person: a skipped question lets the restart through, a failed one does not."""
    dag = dag_bag.dags["heal_workloads"]
    edges = {(task.task_id, following) for task in dag.tasks for following in task.downstream_task_ids}
    assert edges == {("find_unhealthy", "heal.ask"), ("find_unhealthy", "heal.restart"), ("heal.ask", "heal.restart")}
    assert dag.get_task("heal.restart").trigger_rule == "none_failed"


def test_no_answer_is_a_no(dag_bag):
    """Nobody is there to answer."""
    ask = dag_bag.dags["heal_workloads"].get_task("heal.ask")
    assert (ask.options, ask.defaults, ask.multiple) == ([RESTART_IT, LEAVE_IT], [LEAVE_IT], False)
    assert ask.response_timeout.total_seconds() == 12 * 3600


def test_a_question_that_waits_does_not_stop_the_healing_of_others(dag_bag):
    """More runs than one at a time, every five minutes."""
    dag = dag_bag.dags["heal_workloads"]
    assert dag.max_active_runs > 1
    assert dag.schedule == "*/5 * * * *"


def test_diagnostics_are_started_by_alerts_only(dag_bag):
    """Several at once, and not tried for long: evidence goes stale."""
    dag = dag_bag.dags["collect_diagnostics"]
    assert dag.schedule is None
    assert dag.max_active_runs > 1
    assert dag.get_task("collect").execution_timeout.total_seconds() == 300


@pytest.mark.parametrize("dag_id", ["collect_diagnostics", "heal_workloads"])
def test_nothing_that_an_alert_says_is_a_template(dag_bag, dag_id):
    """Only cases, answers and Airflow's own words are rendered; the run's conf is read by code."""
    for task in dag_bag.dags[dag_id].tasks:
        assert set(task.template_fields) <= {"case", "answer", "subject", "body"}
