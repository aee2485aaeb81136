"""Keep pandas out of a stage.

Why: whenever the engine is given something, it imports pandas, only to ask whether that is a data frame: a third of a
second and 80 MB for each stage. It has no setting for that (duckdb 1.5.5); where pandas cannot be imported, it asks no
further.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let an import of pandas fail within the block, unless it was imported before."""
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # the import system's own way to say that there is none
    try:
        yield
    finally:
        del sys.modules["pandas"]
