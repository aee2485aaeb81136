"""Baton's own stages, each a process of its own as in a pod."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measurement import Measured, run

from baton_local.layout import PROJECT


@dataclass(frozen=True)
class Chain:
    """One way through the stages.

    :param roots: ``file:///…`` or ``s3://…`` of the raw and the processed data.
    :param environment: addresses, keys and credentials, for all stages the same.
    """

    policies: Path
    datasets: list[str]
    roots: tuple[str, str]
    environment: dict[str, str]

    def run(self, run_key: str) -> list[Measured]:
        """Export, transform and load all datasets, one after the other; then validate them."""
        policies = ["--policies", str(self.policies)]
        exported, result = self._stage("export", "export", "--run-key", run_key, *policies)
        measured, processed = [exported], []
        for dataset in self.datasets:
            raw = result["manifests"][dataset]
            step, made = self._stage(f"transform {dataset}", "transform", "--manifest", raw, *policies)
            measured.append(step)
            step, loaded = self._stage(f"load {dataset}", "load", "--manifest", made["manifest"])
            if loaded["outcome"] != "loaded":
                raise SystemExit(f"{dataset} was not loaded but {loaded['outcome']}: the figures would be wrong")
            measured.append(step)
            processed += ["--manifest", made["manifest"]]
        return measured + self._validated([*processed, *policies])

    def _validated(self, words: list[str]) -> list[Measured]:
        """Validate, in two steps: the comparison of values, and all other checks together with the start."""
        whole, result = self._stage("validate", "validate", *words)
        seconds = sum(dataset["value_seconds"] for dataset in result["datasets"].values())
        return [
            Measured("compare values", seconds, seconds, whole.peak_bytes),
            Measured("validate otherwise", whole.seconds - seconds, whole.own_seconds - seconds, whole.peak_bytes),
        ]

    def clear(self) -> None:
        """Remove what a run wrote to files."""
        for root in self.roots:
            if root.startswith("file://"):
                shutil.rmtree(root.removeprefix("file://"), ignore_errors=True)

    def _stage(self, name: str, *words: str) -> tuple[Measured, dict[str, Any]]:
        environment = {
            **self.environment,
            "PYTHONPATH": str(PROJECT / "include"),
            "BATON_RAW_URI": self.roots[0],
            "BATON_PROCESSED_URI": self.roots[1],
        }
        seconds, peak, output = run([sys.executable, "-m", "baton_workloads", "etl", *words], environment)
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        return Measured(name, seconds, result["seconds"], peak), result
