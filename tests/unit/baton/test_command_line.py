"""Command lines whose reader stops reading, as `head` does: they end, and say nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {{name: job-{number}}}
spec:
  schedule: "0 1 * * *"
  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: busybox}}]}}}}}}}}
---"""


def run_unread(*words, lines=0):
    """Run a program whose output is read for some lines only; returns its exit code and what it said on stderr."""
    environment = os.environ | {"PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT / 'include'}"}
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, *words], stdout=write, stderr=subprocess.PIPE, text=True, env=environment
    )
    os.close(write)
    with os.fdopen(read, "rb", buffering=0) as output:
        for _ in range(lines):
            output.read(1)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


OURS = [["-m", "baton.settings_command"], ["-m", "baton.alerts.command", "new-token", "x"]]
CLICKS = [["-m", "baton_workloads", "etl", "--help"], ["-m", "baton_local.cli", "--help"]]


@pytest.mark.parametrize("words", [*OURS, *CLICKS], ids=" ".join)
def test_nobody_reads(words):
    """Neither a traceback nor "Exception ignored"; the exit code is that of SIGPIPE, or click's own."""
    code, said = run_unread(*words)
    assert (code, said) == (141 if words in OURS else 1, "")


@pytest.mark.parametrize(("lines", "options"), [(0, []), (1, ["--json"])])
def test_import_that_is_read_to_its_first_line(tmp_path, lines, options):
    """More than a pipe holds, so that it is met while it writes."""
    (tmp_path / "jobs.yaml").write_text("".join(CRON_JOB.format(number=number) for number in range(150)))
    code, said = run_unread("-m", "baton.cronjobs.importing.command", str(tmp_path), "--all", *options, lines=lines)
    assert (code, said) == (141, "")


def test_whole_output_and_exit_code_stay(tmp_path):
    """Where somebody reads."""
    (tmp_path / "refused.yaml").write_text("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: refused}\n")
    environment = os.environ | {"PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT / 'include'}"}
    command = [sys.executable, "-m", "baton.cronjobs.importing.command", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 1
    assert ended.stdout
