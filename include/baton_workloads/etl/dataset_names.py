"""Names for datasets: plain ones for tables that are called in any way, each only once."""

import re
import unicodedata
from collections import Counter

LONGEST = 63


def dataset_names(tables: list[str]) -> dict[str, str]:
    """Give each table ``schema.name`` a dataset's name: its own, with the schema's where two would be the same.

    >>> dataset_names(["public._prisma_migrations", "a.Aufträge", "b.aufträge"])
    {'public._prisma_migrations': 'prisma_migrations', 'a.Aufträge': 'a_auftrage', 'b.aufträge': 'b_auftrage'}
    """
    plain = {table: _plain(table.partition(".")[2]) for table in tables}
    counts = Counter(plain.values())
    wanted = {table: name if counts[name] == 1 else _plain(table) for table, name in plain.items()}
    taken: set[str] = set()
    return {table: _free(name, taken) for table, name in wanted.items()}


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return (plain if re.match(r"[a-z]", plain) else f"table_{plain}".rstrip("_"))[:LONGEST]


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name[: LONGEST - len(str(number)) - 1]}_{number}"
    taken.add(free)
    return free
