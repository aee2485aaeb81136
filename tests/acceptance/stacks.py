"""Stacks that tests start for themselves, beside whatever runs in this checkout."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from baton_local.layout import PROJECT, Layout
from baton_local.stack import Options, Stack, prepare_stack


@contextmanager
def own_stack(state: Path, options: Options, dag_id: str) -> Iterator[Stack]:
    """A stack that has read a DAG and ends with the test."""
    made = prepare_stack(Layout(project=PROJECT, state=state), options)
    try:
        made.start(print)
        made.await_dag(dag_id)
        yield made
    finally:
        made.stop()
