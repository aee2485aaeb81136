"""A set of whole numbers that is mostly runs of neighbours: as text it stays short however many there are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class NumberSet:
    """Numbers from 0 on, kept as ranges; written as `0-41,43`."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # each behind the last number of its range
        for number in numbers:
            self.add(number)

    @classmethod
    def parse(cls, text: str) -> NumberSet:
        """Read what `str` wrote."""
        made = cls()
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            made._starts.append(int(first))
            made._ends.append(int(last or first) + 1)
        return made

    def add(self, number: int) -> None:
        """Add a number."""
        if number in self:
            return
        at = bisect_left(self._starts, number)
        joins_left = at > 0 and self._ends[at - 1] == number
        joins_right = at < len(self._starts) and self._starts[at] == number + 1
        if joins_left and joins_right:
            self._ends[at - 1] = self._ends.pop(at)
            self._starts.pop(at)
        elif joins_left:
            self._ends[at - 1] = number + 1
        elif joins_right:
            self._starts[at] = number
        else:
            self._starts.insert(at, number)
            self._ends.insert(at, number + 1)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number < self._ends[at]

    def __iter__(self) -> Iterator[int]:
        for start, end in zip(self._starts, self._ends, strict=True):
            yield from range(start, end)

    def __len__(self) -> int:
        return sum(self._ends) - sum(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumberSet) and str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __str__(self) -> str:
        pairs = zip(self._starts, self._ends, strict=True)
        return ",".join(f"{start}-{end - 1}" if end - start > 1 else str(start) for start, end in pairs)
