"""How far this cluster agrees with the recordings of a real one, in one table: ``python -m tests.golden`` (minutes).

A Job or a CronJob agrees if all its tests pass; each of them compares it with its recording as a whole.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from local_kubernetes.testing import LocalKubernetes

from . import access, kubelet, kubernetes_api

HERE = Path(__file__).parent
_SCHEDULES = HERE.parent / "unit" / "kubernetes_cron" / "test_golden.py"
_CASE = re.compile(r"::(\w+)\[(.+)\]$")


class Results:
    """Collects what tests say about each recorded case, by file."""

    def __init__(self) -> None:
        self.passed: dict[str, dict[str, bool]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A case agrees if none of its tests failed."""
        found = _CASE.search(report.nodeid)
        if found and (report.when == "call" or report.failed):
            cases = self.passed[Path(report.nodeid.partition("::")[0]).name]
            cases[found[2]] = cases.get(found[2], True) and report.passed

    def agreeing(self, file: Path) -> tuple[int, int]:
        """How many cases of a file agree, and how many there are."""
        cases = self.passed[file.name]
        return sum(cases.values()), len(cases)


def _run(files: Iterable[Path]) -> Results:
    results = Results()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["-q", "-p", "no:cacheprovider", *map(str, files)], plugins=[results])
    return results


def _exchanges() -> dict[str, int]:
    with tempfile.TemporaryDirectory() as directory, LocalKubernetes(Path(directory)) as server:
        levels = [outcome.level for outcome in kubernetes_api.replay(server)]
    return {level: levels.count(level) for level in ("same", "subset", "status", "different")}


def _pods_and_rights() -> dict[str, list[str]]:
    """The levels of the kubelet's scenarios and of access control's answers."""
    with tempfile.TemporaryDirectory() as directory:
        played = [outcome.level for outcome in kubelet.replay(Path(directory), kubelet.scenarios())]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        with LocalKubernetes(place, ["--allow-host-path"]) as server:
            answered = [outcome.level for outcome in access.replay(server)]
    return {"kubelet's scenarios": played, "answers of access control": answered}


def main() -> None:
    """Print the table; each difference is listed with its reason by ``python -m tests.golden.kubernetes_api``."""
    jobs, cron_jobs = HERE / "test_jobs.py", HERE / "test_cronjob_controller.py"
    results = _run([jobs, cron_jobs, _SCHEDULES])
    levels = _exchanges()
    print("| recording | agree | of | the rest |\n|---|---|---|---|")
    rest = ", ".join(f"{number} {level}" for level, number in levels.items() if level != "same")
    print(f"| API exchanges | {levels['same']} | {sum(levels.values())} | {rest} |")
    for name, found in _pods_and_rights().items():
        counts = {level: found.count(level) for level in dict.fromkeys(found)}
        rest = ", ".join(f"{number} {level}" for level, number in counts.items() if level != "same")
        print(f"| {name} | {counts.get('same', 0)} | {len(found)} | {rest} |")
    for name, file in (("Jobs", jobs), ("CronJobs", cron_jobs), ("schedules", _SCHEDULES)):
        agree, total = results.agreeing(file)
        print(f"| {name} | {agree} | {total} | |")


if __name__ == "__main__":
    main()
