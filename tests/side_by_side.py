"""How the whole test run is divided between two processes of pytest-xdist; see docs/contributing.md."""

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

ACCEPTANCE = "tests/acceptance/"


class SideBySide(LoadScopeScheduling):
    """Gives each process one file after the other; acceptance tests go by the stack that they share."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        if path.startswith(ACCEPTANCE):
            return f"{ACCEPTANCE}{'slow' if 'slow cluster' in test else 'calm'}"
        return str(PurePosixPath(path))
