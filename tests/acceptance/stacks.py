"""Stacks that tests start for themselves, beside whatever runs in this checkout."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.rights import missing

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, Stack, prepare_stack

CALM, SLOW = "calm cluster", "slow cluster"

STOP_WHEN_ALONE = f"""
import pathlib, sys
sys.stdin.read()
sys.path[:0] = [{str(PROJECT / "include")!r}]
from baton_local.layout import PROJECT, Layout
from baton_local.stack import stop_stack
stop_stack(Layout(project=PROJECT, state=pathlib.Path(sys.argv[1])))
"""


@contextmanager
def own_stack(state: Path, options: Options, *dag_ids: str) -> Iterator[Stack]:
    """A stack that has read these DAGs and ends with the test."""
    made = prepare_stack(Layout(project=PROJECT, state=state), options)
    with ended_with_this_process(state):
        try:
            with pytest.MonkeyPatch.context() as shell:
                shell.setenv("KUBECONFIG", str(state / "of-another-cluster"))  # as many shells do
                made.start(print)
            for dag_id in dag_ids:
                made.await_dag(dag_id)
            yield made
            assert not missing(state), missing(state)
        finally:
            made.stop()


@contextmanager
def ended_with_this_process(state: Path) -> Iterator[None]:
    """Stop the stack also when this process is killed, as pytest-xdist does with its processes on Ctrl-C."""
    command = [sys.executable, "-c", STOP_WHEN_ALONE, str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        yield
        watcher.kill()
