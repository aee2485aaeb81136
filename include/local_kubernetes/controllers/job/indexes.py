"""Sets of completion indexes, written as ``0,3-5,7``."""

from __future__ import annotations

from collections.abc import Iterable


def parse(text: str, limit: int | None = None) -> set[int]:
    """The indexes of a text, those from ``limit`` on left out; what is no index is skipped, as Kubernetes does."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), int(last or first) + 1))
    return {index for index in found if limit is None or index < limit}


def text(indexes: Iterable[int]) -> str:
    """The shortest text: three or more in a row as a range, two with a comma between them."""
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(indexes), None]:
        if run and index != run[-1] + 1:
            parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}{',' if len(run) == 2 else '-'}{run[-1]}")
            run = []
        if index is not None:
            run.append(index)
    return ",".join(parts)
