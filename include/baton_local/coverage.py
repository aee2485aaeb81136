"""Which lines and branches the tests run, by package, and the floors below which none may fall.

What a test starts is measured too, as long as it hands on its environment: the pods of the local Kubernetes and a
process that is killed are not. ``[tool.coverage]`` of pyproject.toml says what is measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plain_yaml import load

ROOTS = ("plugins", "include", "config")


@dataclass
class Measured:
    """Lines and branches of a package: how many there are, and how many were run."""

    there: int = 0
    run: int = 0

    def add(self, summary: dict[str, int]) -> None:
        """Count a file's in."""
        self.there += summary["num_statements"] + summary["num_branches"]
        self.run += summary["covered_lines"] + summary["covered_branches"]

    @property
    def percent(self) -> float:
        """How much was run; of nothing, all."""
        return 100 * self.run / self.there if self.there else 100.0


def package_of(path: str) -> str:
    """Give the package that a file is counted for: ``plugins/baton/alerts/page/app.py`` → ``baton.alerts``."""
    parts = Path(path).with_suffix("").parts
    names = parts[1:] if parts[0] in ROOTS else parts
    return ".".join(names[:2] if len(names) > 2 else names[:1])


def by_package(report: dict[str, Any]) -> dict[str, Measured]:
    """Add up the files of a report of ``coverage json``."""
    found: dict[str, Measured] = {}
    for path, file in report["files"].items():
        found.setdefault(package_of(path), Measured()).add(file["summary"])
    return dict(sorted(found.items()))


def read_report(file: Path) -> dict[str, Measured]:
    """Read what ``coverage json`` wrote."""
    return by_package(json.loads(file.read_text(encoding="utf-8")))


def read_floors(file: Path) -> dict[str, int]:
    """Read package → percent."""
    floors: dict[str, int] = load(file.read_text(encoding="utf-8"))
    return floors


def raise_to(measured: dict[str, Measured], file: Path) -> None:
    """Write the floors anew: what was reached, or the floor that was there if that is higher; none for what is gone."""
    floors, comment = read_floors(file), file.read_text(encoding="utf-8").partition("\n")[0]
    raised = {name: max(int(part.percent), floors.get(name, 0)) for name, part in measured.items()}
    file.write_text(f"{comment}\n{yaml.safe_dump(raised)}", encoding="utf-8")


def below(measured: dict[str, Measured], floors: dict[str, int]) -> list[str]:
    """Name what is wrong: a package below its floor, one without a floor, and a floor of a package that is gone."""
    wrong = [
        f"{name}: {measured[name].percent:.1f} % is below its floor, {floor} %"
        for name, floor in floors.items()
        if name in measured and measured[name].percent < floor
    ]
    wrong += [
        f"{name}: has no floor; it reached {int(measured[name].percent)}" for name in measured if name not in floors
    ]
    return wrong + [f"{name}: has a floor, and is no package any more" for name in floors if name not in measured]
