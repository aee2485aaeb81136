"""One running stack for all acceptance tests, with recognisable personal data in its source."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.chain import CANARY, Chain
from tests.acceptance.stacks import CALM, SLOW, own_stack
from tests.dag_ids import CRONJOB_DAG_IDS, DAG_IDS, JOB_DAG_IDS

from baton_local.stack import Options, Stack

ALWAYS_SLOW_TOO = ("test_load_warehouse",)
"""Modules whose tests meet the slow cluster in each run; those of the others do in `--soak`, for time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what is long to `--soak`, before pytest selects by marks."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        module = getattr(getattr(item, "module", None), "__name__", "").rpartition(".")[2]
        if parameters.get("stack") == SLOW and module not in ALWAYS_SLOW_TOO:
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="package", params=[CALM, SLOW])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own beside whatever runs in this checkout; what DAGs do has to hold on a slow cluster as well.

    It ends with the acceptance tests: an idle stack would take a tenth of a core from the tests that follow.
    """
    dags = Path(__file__).parent / "dags"
    options = Options(canary=CANARY, slow_cluster=request.param == SLOW, extra_dags=dags, restricted=True)
    with own_stack(tmp_path_factory.mktemp("stack"), options, *DAG_IDS, *CRONJOB_DAG_IDS, *JOB_DAG_IDS) as made:
        yield made


@pytest.fixture(scope="package")
def chain(stack: Stack) -> Chain:
    """The chain on that stack."""
    return Chain(stack)


@pytest.fixture(scope="package")
def finished_run(chain: Chain) -> str:
    """The id of one run of the chain that went to its end undisturbed."""
    run_id = chain.start()
    assert chain.finish(run_id) == "success", chain.failures(run_id)
    return run_id
