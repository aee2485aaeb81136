"""How the whole test run is divided between three processes of pytest-xdist; see docs/contributing.md."""

from tests.acceptance.stacks import SLOW
from xdist.scheduler import LoadScopeScheduling

ACCEPTANCE = "tests/acceptance/"


class SideBySide(LoadScopeScheduling):
    """Gives each process one file after the other; the acceptance tests that share a stack are one piece."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if not path.startswith(ACCEPTANCE):
            return path
        return f"{ACCEPTANCE} {SLOW}" if SLOW in nodeid else ACCEPTANCE
