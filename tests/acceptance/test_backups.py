"""A run of backups on the running stack: everything is dumped, proven, pruned and replicated."""

from typing import Any

import pytest
from tests.acceptance.chain import CANARY, await_value

from baton_local.object_store import stage_key
from baton_local.stack import Stack

DAG_ID, REPLICATE = "back_up_platform", "replicate_backups"
RUN_SECONDS = 600
pytestmark = pytest.mark.timeout(1200)


def ended(stack: Stack, dag_id: str, run_id: str) -> str | None:
    """The state of a run that has ended."""
    state: str = stack.api.run(dag_id, run_id)["state"]
    return state if state in ("success", "failed") else None


def failures(stack: Stack, dag_id: str, run_id: str) -> str:
    """The last words of failed tasks."""
    failed = [item for item in stack.api.task_instances(dag_id, run_id) if item["state"] == "failed"]
    return "\n".join(stack.api.log(dag_id, run_id, item["task_id"], item["try_number"])[-2000:] for item in failed)


@pytest.fixture(scope="module")
def run_id(stack: Stack) -> str:
    """The id of one run that went to its end."""
    stack.api.unpause(REPLICATE)
    run_id = stack.api.run_now(DAG_ID)
    assert await_value(lambda: ended(stack, DAG_ID, run_id), RUN_SECONDS) == "success", failures(stack, DAG_ID, run_id)
    return run_id


def objects(stack: Stack, bucket: str) -> dict[str, bytes]:
    """Key → content of a bucket, as the stage that replicates may read it."""
    import boto3

    key = stage_key(stack.credentials.master_key, "replicate")
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{stack.ports.object_store}",
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        region_name="us-east-1",
    )
    names = [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
    found = {name: client.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}
    client.close()
    return found


def test_the_restored_rows_are_those_of_the_source(stack: Stack, run_id: str):
    """The drill's comparison, table by table, is what the run tells."""
    compared: dict[str, Any] = stack.api.result(DAG_ID, run_id, "restore_drill")["compared"]["shop"]

    assert len(compared) > 10
    assert [name for name, item in compared.items() if not item["same"] or item["rows"] != item["restored_rows"]] == []
    assert compared["public.customers"]["rows"] > 1000


def test_nothing_readable_is_stored(stack: Stack, run_id: str):
    """Neither personal data nor Secrets are in any object of the bucket."""
    stored = objects(stack, "backups")

    assert any(name.endswith(".dump.zst.age.0000") for name in stored)
    assert [name for name, content in stored.items() if CANARY.encode() in content] == []


def test_the_replica_has_what_the_store_has(stack: Stack, run_id: str):
    """The asset starts the replication; every copy was hashed there."""
    runs = await_value(lambda: stack.api.call("GET", f"/dags/{REPLICATE}/dagRuns")["dag_runs"], 60)
    run_id = runs[0]["dag_run_id"]
    state = await_value(lambda: ended(stack, REPLICATE, run_id), RUN_SECONDS)
    result = stack.api.result(REPLICATE, run_id, "replicate") if state == "success" else {}

    assert state == "success", failures(stack, REPLICATE, run_id)
    assert [item["lag_seconds"] for item in result["replicas"].values()] == [0]
    store, replica = objects(stack, "backups"), objects(stack, "backups-replica")
    assert {name: content for name, content in store.items() if not name.startswith("parts/")} == replica
