"""What is killed or changed while the chain runs: no row is lost or doubled, and what cannot go on says why."""

import os
import signal
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from tests.acceptance.chain import DAG_ID, Chain, await_value

from baton_local.stack import Stack

# What is killed here is enough for one run; a slow cluster would make it wait for minutes.
pytestmark = pytest.mark.parametrize("stack", ["calm cluster"], indirect=True)


def kill_component(stack: Stack, name: str) -> None:
    """`kill -9` one component; the supervisor starts it again."""
    process = next(item for item in stack.supervisor.processes() if item["name"] == name)
    os.kill(process["pid"], signal.SIGKILL)


def kill_worker(stack: Stack) -> None:
    """`kill -9` a worker of the LocalExecutor that is running a task now."""

    await_value(lambda: busy_worker(stack), 30).kill()


def busy_worker(stack: Stack) -> psutil.Process | None:
    """A worker of the LocalExecutor that is running a task now."""
    scheduler = next(item for item in stack.supervisor.processes() if item["name"] == "scheduler")
    try:
        workers = psutil.Process(scheduler["pid"]).children()
        return next((worker for worker in workers if worker.children()), None)
    except psutil.NoSuchProcess:
        return None


FAULTS = {
    "scheduler": lambda stack: kill_component(stack, "scheduler"),
    "triggerer": lambda stack: kill_component(stack, "triggerer"),
    "kubernetes": lambda stack: kill_component(stack, "kubernetes"),
    "worker": kill_worker,
}


def test_a_run_survives_the_death_of_its_triggerer_and_of_kubernetes(chain: Chain, stack: Stack, finished_run: str):
    """Two parts die by SIGKILL in the middle of a run; it ends well, with every row once."""
    run_id = chain.start()
    chain.await_running(run_id, "export")
    kill_component(stack, "kubernetes")
    chain.await_running(run_id, "customers.transform")
    kill_component(stack, "triggerer")

    assert chain.finish(run_id, 240) == "success", chain.failures(run_id)
    assert chain.rows("warehouse") == chain.rows("source")


@pytest.mark.soak
@pytest.mark.parametrize("part", sorted(FAULTS))
@pytest.mark.parametrize("moment", ["export", "customers.transform", "orders.load", "validate"])
def test_a_run_survives_any_death_at_any_stage(chain: Chain, stack: Stack, finished_run: str, part: str, moment: str):
    """Whatever part dies during whatever stage, the run ends well with every row once."""
    run_id = chain.start()
    chain.await_running(run_id, moment)
    FAULTS[part](stack)

    assert chain.finish(run_id, 600) == "success", chain.failures(run_id)
    assert chain.rows("warehouse") == chain.rows("source")


@pytest.fixture
def new_column(stack: Stack) -> Iterator[str]:
    """A column that appeared in the source and that no policy names."""
    dsn = stack.postgres.dsn("shop")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE customers ADD COLUMN shoe_size text DEFAULT '42'")
        yield "shoe_size"
        connection.execute("ALTER TABLE customers DROP COLUMN shoe_size")


def test_a_new_column_in_the_source_stops_the_run_by_name(chain: Chain, new_column: str, finished_run: str):
    """New personal data is not even copied, the run is not retried in vain, and the warehouse keeps its rows."""
    before = chain.rows("warehouse")
    run_id = chain.start()

    assert chain.finish(run_id) == "failed"
    instances = {item["task_id"]: item for item in chain.stack.api.task_instances(DAG_ID, run_id)}
    assert instances["export"]["state"] == "failed"
    assert instances["export"]["try_number"] == 1
    assert new_column in chain.failures(run_id)
    assert instances["validate"]["state"] == "upstream_failed"
    assert chain.rows("warehouse") == before
