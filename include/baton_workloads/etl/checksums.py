"""Checksums of rows, and which columns are to blame when they differ.

A row's hash is made of all its values, and a dataset's checksum is the sum of its rows' hashes: it does not depend on
the order of rows, and a value that stands in another row changes it. All expressions are the engine's; its hash is the
same for the same value of the same type within one version, and is compared with nothing that an older one made.
"""

import hashlib
from dataclasses import dataclass

LONG = 1000  # characters or bytes; of longer values a digest is compared, so that a row of them fits into memory


@dataclass(frozen=True)
class Sums:
    """Sums over all rows that tell columns apart.

    :param alone: for each column, of its own hashes: another sum when a value was changed, the same when values only
        stand in other rows.
    :param others: for each column, of the hashes of all *other* columns of a row: the same sum when nothing but this
        column differs.
    """

    alone: dict[str, int]
    others: dict[str, int]

    def __add__(self, other: "Sums") -> "Sums":
        """Add those of other rows."""
        return Sums(_added(self.alone, other.alone), _added(self.others, other.others))

    def differing(self, other: "Sums") -> list[str]:
        """Name the columns whose values differ, given that rows do.

        One column is named alone wherever it is the only one. Several columns of which no value was changed, only
        moved, cannot be told from each other; then all are named.
        """
        only = [name for name, value in self.others.items() if other.others[name] == value]
        changed = [name for name, value in self.alone.items() if other.alone[name] != value]
        return [name for name in only if name in changed] or only or changed or list(self.alone)


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: value + other[name] for name, value in one.items()}


def of_rows(columns: dict[str, str]) -> str:
    """Give the aggregate that sums the hashes of whole rows.

    :param columns: the columns' expressions by name.
    """
    # Hashed once more, as the last of several values would otherwise enter the sum with too little mixing.
    return f"coalesce(sum(hash(hash({', '.join(columns[name] for name in sorted(columns))}))), 0)"


def of_columns(columns: dict[str, str], rows: str) -> str:
    """Give the query for ``Sums``; ``read`` reads its one row.

    :param rows: what the columns' expressions are selected from.
    """
    names = sorted(columns)
    hashed = [f"hash(xor(hash({columns[name]}), {_salt(name)})) AS h{i}" for i, name in enumerate(names)]
    alone = [f"coalesce(sum(h{i}), 0)" for i in range(len(names))]
    others = [f"coalesce(sum(hash(xor(whole, h{i}))), 0)" for i in range(len(names))]
    whole = _xor([f"h{i}" for i in range(len(names))])
    return (
        f"SELECT {', '.join(alone + others)} FROM"  # noqa: S608
        f" (SELECT *, {whole} AS whole FROM (SELECT {', '.join(hashed)} FROM {rows}))"
    )


def read(columns: dict[str, str], row: tuple[int, ...]) -> Sums:
    """Give the sums that the query of ``of_columns`` found."""
    names = sorted(columns)
    alone, others = row[: len(names)], row[len(names) :]
    return Sums(dict(zip(names, alone, strict=True)), dict(zip(names, others, strict=True)))


def _salt(name: str) -> str:
    """Give 64 bits of a column's own, or two columns with the same value would cancel each other out."""
    return f"{int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])}::UBIGINT"


def _xor(terms: list[str]) -> str:
    """Nest pairwise: the engine refuses an expression as deep as a table is wide."""
    while len(terms) > 1:
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [f"xor({pair[0]}, {pair[1]})" if len(pair) > 1 else pair[0] for pair in pairs]
    return terms[0]


def short_text(name: str) -> str:
    """Give the engine's expression for a text as it is compared."""
    return f"CASE WHEN length({name}) > {LONG} THEN sha256({name}) ELSE {name} END"


def short_bytes(name: str) -> str:
    """Give the engine's expression for bytes as they are compared."""
    return f"CASE WHEN octet_length({name}) > {LONG} THEN unhex(sha256({name})) ELSE {name} END"


def with_sign(name: str) -> str:
    """Give the engine's expression for a floating point number as it is compared: its hash knows no -0."""
    return f"{{'value': {name}, 'negative': signbit({name}) AND NOT isnan({name})}}"
