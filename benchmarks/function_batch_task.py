"""One try of a batch task as a process of its own, for `function_batches.py`: started, measured, killed by it.

The task state store is a file here, written as Airflow's is: one value at a time, whole or not at all.
"""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from baton.functions.batch_operator import InvokeFunctionBatchOperator


class FileStore:
    """A task state store in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value."""
        return json.loads(self.path.read_text()).get(key, default) if self.path.exists() else default

    def set(self, key: str, value: Any) -> None:
        """Replace a value."""
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({key: value}))
        os.replace(new, self.path)

    def delete(self, key: str) -> None:
        """Remove a value."""
        self.path.unlink(missing_ok=True)


def main() -> None:
    """Run the task and print its manifest."""
    folder, uri, batch_size, in_flight = sys.argv[1:]
    instance = SimpleNamespace(dag_id="benchmark", run_id="run", task_id="batches", map_index=-1)
    task = InvokeFunctionBatchOperator(
        task_id="batches", function="f", function_conn_id="benchmark", items=uri,
        result_uri=f"file://{folder}", batch_size=int(batch_size), max_in_flight=int(in_flight),
    )  # fmt: skip
    context: Any = {"ti": instance, "task_state_store": FileStore(Path(folder) / "state.json")}
    began = time.monotonic()
    manifest = task.execute(context)
    print(json.dumps({**manifest, "own_seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
