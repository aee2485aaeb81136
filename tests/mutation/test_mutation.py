"""Each change that mutmut makes in a module that guards data is noticed by its tests, or is explained."""

from pathlib import Path

import pytest
from tests.mutation.mutate import Mutant, install, survivors, targets

pytestmark = [pytest.mark.soak, pytest.mark.timeout(4 * 3600)]
TARGETS = targets()


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mutmut, beside .venv."""
    return install(tmp_path_factory.mktemp("mutmut"))


UNREAD = pytest.mark.xfail(reason="nobody has gone through its survivors yet", strict=False)
NAMES = [pytest.param(name, marks=[UNREAD] if target.get("unread") else []) for name, target in TARGETS.items()]


@pytest.mark.parametrize("name", NAMES)
def test_no_mutant_lives_without_a_reason(name: str, tool: Path, tmp_path: Path) -> None:
    """And no reason is left of one that was killed, or whose line is gone."""
    target = TARGETS[name]
    count, alive = survivors(target, tmp_path / "copy", tool)
    explained = [Mutant(entry["function"], entry["change"].strip()) for entry in target["survivors"]]
    assert count > 10
    assert [mutant for mutant in alive if not any(reason.explains(mutant) for reason in explained)] == []
    assert [reason for reason in explained if not any(reason.explains(mutant) for mutant in alive)] == []
