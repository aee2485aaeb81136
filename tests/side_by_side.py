"""How the whole test run is divided between four processes of pytest-xdist; see docs/contributing.md."""

from typing import Any

from tests.acceptance.stacks import SLOW
from xdist.scheduler import LoadScopeScheduling

ACCEPTANCE = "tests/acceptance/"
LONGEST = (
    "tests/local_kubernetes/integration/",
    "tests/integration/",
    "tests/workloads/",
    "tests/local_kubernetes/",
    "tests/dags/",
    "tests/unit/docs/",
)
"""Folders whose files take longest, in this order, after the acceptance tests; what is short is left for the end."""


class SideBySide(LoadScopeScheduling):
    """Gives each process one file after the other; the acceptance tests of one stack are one piece."""

    _in_order = False

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if not path.startswith(ACCEPTANCE):
            return path
        return f"{ACCEPTANCE} {SLOW}" if SLOW in nodeid else ACCEPTANCE

    def _assign_work_unit(self, node: Any) -> None:
        """Hand out the next piece: the longest first, so that no process has one left when the others are done."""
        if not self._in_order:
            for scope in sorted(self.workqueue, key=rank):
                self.workqueue.move_to_end(scope)
            self._in_order = True
        super()._assign_work_unit(node)


def rank(scope: str) -> int:
    """Give the place of a piece in the order of work."""
    folders = (ACCEPTANCE, *LONGEST)
    return next((place for place, folder in enumerate(folders) if scope.startswith(folder)), len(folders))
