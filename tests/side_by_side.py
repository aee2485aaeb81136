"""How the whole test run is divided between two processes of pytest-xdist; see docs/contributing.md."""

from xdist.scheduler import LoadScopeScheduling

ACCEPTANCE = "tests/acceptance/"


class SideBySide(LoadScopeScheduling):
    """Gives each process one file after the other; the acceptance tests, which share stacks, are one piece."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return ACCEPTANCE if path.startswith(ACCEPTANCE) else path
