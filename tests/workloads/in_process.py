"""One workload command in this process, which spares it the imports."""

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Outcome:
    """What one command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """Give the JSON result of a command that went well."""
        assert self.code == 0, self.stderr
        parsed: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return parsed

    @property
    def error(self) -> str:
        """Give the last line of a command that failed."""
        return self.stderr.splitlines()[-1]


@contextlib.contextmanager
def extensions_unchecked() -> Iterator[None]:
    """The engine loads its extension without reading 40 MB for a signature, 0.15 s each time, as long as this lasts.

    Stages that run as processes check it, as in a pod.
    """
    import duckdb

    connect = duckdb.connect

    def connect_unchecked(*arguments: Any, config: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return connect(*arguments, config={**(config or {}), "allow_unsigned_extensions": "true"}, **options)

    duckdb.connect = connect_unchecked  # type: ignore[assignment]
    try:
        yield
    finally:
        duckdb.connect = connect


def run_workload(*words: str, environment: Mapping[str, str]) -> Outcome:
    """Run ``baton_workloads WORDS`` with this environment and nothing else in it, as a pod does."""
    from baton_workloads.__main__ import main
    from baton_workloads.storage import s3_store

    s3_store.cache_clear()  # it holds keys of an environment before this one
    outer = dict(os.environ)
    stdout, stderr = io.StringIO(), io.StringIO()
    try:
        os.environ.clear()
        os.environ.update(environment)
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main(list(words))
    finally:
        os.environ.clear()
        os.environ.update(outer)
    return Outcome(code, stdout.getvalue(), stderr.getvalue())
