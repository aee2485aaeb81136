"""Keep pandas and numpy out of a stage.

Why: whenever the engine is given something, it imports pandas, only to ask whether that is a data frame: a third of a
second and 80 MB for each stage. It has no setting for that (duckdb 1.5.5); where pandas cannot be imported, it asks no
further. The same holds for pyarrow and numpy: 80 ms, 10 MB, and threads of numpy's that wait by spinning.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

UNUSED = ("pandas", "numpy")


class _Unused:
    """Says that there is no such module. ``None`` in ``sys.modules`` would say so too, but not to compiled modules."""

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> None:
        if fullname in UNUSED:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process", name=fullname)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let an import of either fail within the block, unless one was imported before."""
    if any(name in sys.modules for name in UNUSED):
        yield
        return
    finder = _Unused()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
