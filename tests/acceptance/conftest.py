"""One running stack for all acceptance tests, with recognisable personal data in its source."""

from collections.abc import Iterator

import pytest
from tests.acceptance.chain import CANARY, DAG_ID, Chain

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, Stack, prepare_stack

CALM, SLOW = "calm cluster", "slow cluster"


@pytest.fixture(scope="session", params=[CALM, SLOW])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own beside whatever runs in this checkout; what DAGs do has to hold on a slow cluster as well."""
    layout = Layout(project=PROJECT, state=tmp_path_factory.mktemp("stack"))
    made = prepare_stack(layout, Options(canary=CANARY, slow_cluster=request.param == SLOW))
    try:
        made.start(print)
        made.await_dag(DAG_ID)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def chain(stack: Stack) -> Chain:
    """The chain on that stack."""
    return Chain(stack)


@pytest.fixture(scope="session")
def finished_run(chain: Chain) -> str:
    """The id of one run of the chain that went to its end undisturbed."""
    run_id = chain.start()
    assert chain.finish(run_id) == "success", chain.failures(run_id)
    return run_id
