"""The benchmarks that need no stack run from end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from baton_local.layout import PROJECT


@pytest.mark.soak
def test_the_data_path_is_measured_against_its_limits(tmp_path: Path) -> None:
    """At a tiny scale, without the tools that have to be fetched, every ratio of ours comes out."""
    command = [sys.executable, str(PROJECT / "benchmarks" / "data_path.py"), "--scale", "0.0005", "--rounds", "1"]
    command += ["--skip", "dlt", "sling", "--state", str(tmp_path / "state"), "--json"]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT / 'include'}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    assert len([label for label in figures if " against " in label]) == 5
    assert {step["step"] for step in figures["steps"]} >= {"export", "transform customers", "load orders"}


@pytest.mark.soak
def test_dags_of_cronjobs_are_measured_against_those_written_by_hand(tmp_path: Path) -> None:
    """A few of them, without the tool that has to be fetched."""
    command = [sys.executable, str(PROJECT / "benchmarks" / "cronjob_dags.py"), "--jobs", "5", "--rounds", "1"]
    command += ["--skip", "dag-factory", "--state", str(tmp_path / "state"), "--json"]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT / 'include'}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    assert figures["skipped"] == {"dag-factory": "as asked"}
    assert {"baton, 5 DAGs, seconds", "by hand, 5 DAGs, seconds", "baton, milliseconds a DAG"} <= set(figures)
