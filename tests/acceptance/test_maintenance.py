"""The DAGs of maintenance on a running stack: what is due is done, the results say so, nothing else is touched."""

from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from tests.acceptance.chain import await_value
from tests.acceptance.incidents import RESTRICTED_CONTAINER, RESTRICTED_POD

from baton_local.local_cluster import NAMESPACE
from baton_local.object_store import REGION, stage_key
from baton_local.stack import LOGS_CLAIM, Stack

DAGS = ("maintain_postgres", "clean_up_data", "clean_up_cluster", "rotate_logs", "warm_caches")
EXPIRED = "SELECT count(*) FROM sessions WHERE expires_at < now() - interval '1 day'"
LOG_SCRIPT = (
    'cd "${LOCAL_KUBERNETES_MOUNT_LOGS:-/logs}" && mkdir -p app && echo line > app/old.log && '
    "touch -d '10 days ago' app/old.log"
)
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


@pytest.fixture(autouse=True)
def switched_off(stack: Stack) -> Iterator[None]:
    """The DAGs are off again afterwards."""
    yield
    for dag_id in DAGS:
        stack.api.pause(dag_id)


def start(stack: Stack, dag_id: str, **conf: Any) -> str:
    """Start a run by hand; returns its id.

    The DAG, when it is switched on, also makes up for the latest run of its schedule, before or after this one.
    """
    run_id = str(stack.api.trigger(dag_id, conf)["dag_run_id"])
    stack.api.unpause(dag_id)
    return run_id


def finish(stack: Stack, dag_id: str, run_id: str, *task_ids: str) -> list[Any]:
    """Wait until a run has succeeded; gives what these tasks returned."""

    def ended() -> str | None:
        state: str = stack.api.run(dag_id, run_id)["state"]
        return state if state in ("success", "failed") else None

    state = await_value(ended, 240)
    assert state == "success", [
        stack.api.log(dag_id, run_id, item["task_id"], item["try_number"])
        for item in stack.api.task_instances(dag_id, run_id)
    ]
    return [stack.api.result(dag_id, run_id, task_id) for task_id in task_ids]


def add_pod(stack: Stack, name: str, script: str, **spec: Any) -> None:
    """Run a script in a pod of nobody's, to its end."""
    own = {"image": "busybox", "command": ["sh", "-c", script], "securityContext": RESTRICTED_CONTAINER}
    container = {"name": "c", **own, **spec.pop("container", {})}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}},
        "spec": {"restartPolicy": "Never", "securityContext": RESTRICTED_POD, "containers": [container], **spec},
    }
    with stack.cluster.client() as client:
        await_value(lambda: client.post(PODS, json=body).status_code in (201, 409), 60)
        await_value(lambda: phase(client, name) in ("Succeeded", "Failed"), 60)


def phase(client: httpx.Client, name: str) -> str:
    """A pod's phase; empty where it is gone, or the cluster is too busy to say."""
    answer = client.get(f"{PODS}/{name}")
    return str(answer.json()["status"]["phase"]) if answer.is_success else str(answer.status_code)


def test_the_shop_is_maintained_and_what_has_expired_goes(stack: Stack) -> None:
    """VACUUM and REINDEX one after the other, as their pool has one slot; sessions and executions within the limit."""
    data = start(stack, "clean_up_data", limit=100)
    postgres = start(stack, "maintain_postgres")
    sessions, executions, files = finish(
        stack, "clean_up_data", data, "delete_sessions", "delete_job_executions", "delete_report_files"
    )
    assert sessions["deleted_by_run"] <= 100
    assert executions["deleted_by_run"] <= 100
    assert files["outcome"] == "done"
    vacuum, reindex = finish(stack, "maintain_postgres", postgres, "vacuum", "reindex")
    assert (vacuum["outcome"], reindex["outcome"]) == ("done", "done")
    assert vacuum["looked_at"] > 10
    if sessions["outcome"] == "done":
        with psycopg.connect(stack.postgres.dsn("shop")) as connection:
            assert connection.execute(EXPIRED).fetchone() == (0,)


def test_logs_move_and_leftovers_go(stack: Stack) -> None:
    """A pod's old log is in cold storage; the pod itself goes with the clean-up, the claim of the logs stays."""
    mount = {"volumeMounts": [{"name": "logs", "mountPath": "/logs"}]}
    volume = {"name": "logs", "persistentVolumeClaim": {"claimName": LOGS_CLAIM}}
    add_pod(stack, "log-writer", LOG_SCRIPT, container=mount, volumes=[volume])

    [rotated] = finish(stack, "rotate_logs", start(stack, "rotate_logs"), "rotate_logs")
    assert rotated["left"] == 0
    assert any(name.startswith("logs/app/old.log.") for name in cold_storage(stack))

    [cleaned] = finish(stack, "clean_up_cluster", start(stack, "clean_up_cluster", days=0), "clean_up")
    fates = {(item["kind"], item["name"]): item["fate"] for item in cleaned["objects"]}
    assert fates["Pod", "log-writer"] == "deleted"
    assert ("Claim", LOGS_CLAIM) not in fates


def cold_storage(stack: Stack) -> list[str]:
    """Names in cold storage."""
    key = stage_key(stack.credentials.master_key, "cleanup")
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{stack.ports.object_store}", region_name=REGION,
        aws_access_key_id=key.key_id, aws_secret_access_key=key.secret,
    )  # fmt: skip
    found = client.list_objects_v2(Bucket="cold-storage").get("Contents", [])
    client.close()
    return [item["Key"] for item in found]


def test_a_deployment_warms_the_caches(stack: Stack) -> None:
    """The event is posted as the documentation shows it; the run's addresses all answer."""
    stack.api.unpause("warm_caches")
    [asset] = stack.api.call("GET", "/assets", params={"name_pattern": "deployment"})["assets"]
    stack.api.call("POST", "/assets/events", json={"asset_id": asset["id"], "extra": {"version": "1.2.3"}})

    def triggered() -> str | None:
        runs = stack.api.call("GET", "/dags/warm_caches/dagRuns")["dag_runs"]
        return next((str(run["dag_run_id"]) for run in runs if run["run_type"] == "asset_triggered"), None)

    [warmed] = finish(stack, "warm_caches", await_value(triggered, 60), "warm")
    assert (warmed["outcome"], warmed["failed"]) == ("done", 0)
    assert {item["status"] for item in warmed["addresses"]} == {"200"}
