"""The order of a backup is its promise."""

from baton.assets import BACKUPS
from baton.pools import SHOP_HEAVY


def test_nothing_is_pruned_before_the_proof(dag_bag):
    """From every part to the prune there is one way: seal, verify, restore_drill."""
    dag = dag_bag.dags["back_up_platform"]
    assert dag.task_dict["prune"].upstream_task_ids == {"restore_drill"}
    assert dag.task_dict["restore_drill"].upstream_task_ids == {"verify", "check_drill"}
    assert dag.task_dict["verify"].upstream_task_ids == {"seal"}
    assert {"dump", "export_cluster", "snapshot_volumes"} < dag.task_dict["seal"].upstream_task_ids
    assert {task.trigger_rule for task in dag.tasks} == {"all_success"}


def test_the_asset_is_updated_by_the_prune_only(dag_bag):
    """Replicas follow what was proven, and never the clock."""
    dag = dag_bag.dags["back_up_platform"]
    assert {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets} == {
        "prune": ["backups"]
    }
    assert dag_bag.dags["replicate_backups"].schedule == [BACKUPS]


def test_a_dump_is_never_beside_the_shops_maintenance(dag_bag):
    """Both take the one slot of a pool that counts deferred tasks."""
    assert dag_bag.dags["back_up_platform"].task_dict["dump"].pool == SHOP_HEAVY.name
    assert (SHOP_HEAVY.slots, SHOP_HEAVY.include_deferred) == (1, True)


def test_who_makes_backups_cannot_open_them(dag_bag):
    """Only what proves has the identity, and it cannot read the source."""
    secrets = {
        task.task_id: {item.secret_ref.name for item in task.env_from}
        for task in dag_bag.dags["back_up_platform"].tasks
    }
    assert {name for name, own in secrets.items() if "baton-prove" in own} == {"verify", "restore_drill"}
    assert all(len(own) == 1 for own in secrets.values())


def test_the_check_knows_where_the_drill_is_and_cannot_open_a_backup(dag_bag):
    """Of the prover's Secret it has the scratch server's address alone; it holds up no dump."""
    check = dag_bag.dags["back_up_platform"].task_dict["check_drill"]
    assert [(item.secret, item.key) for item in check.secrets] == [("baton-prove", "BATON_SCRATCH_DSN")]
    assert (check.upstream_task_ids, check.downstream_task_ids) == (set(), {"restore_drill"})
