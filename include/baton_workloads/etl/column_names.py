"""Names that cannot stand side by side in a file, because the engine takes them for one.

The engine compares names without regard to the case of A to Z. Of two such columns it would keep one name and change
the other, so that one column's rule would be applied to the values of the other.
"""

from collections.abc import Iterable, Sequence

RESERVED = ("file_row_number", "baton place", "baton bucket")  # added to rows by the engine, and by ``row_order``


def folded(name: str) -> str:
    """Give a name as the engine compares it: letters beyond ASCII keep their case."""
    return "".join(sign.lower() if sign.isascii() else sign for sign in name)


def prepared_names(columns: Sequence[str]) -> list[str]:
    """Give each column a name for what is computed once of its values, as no column is called."""
    taken = {folded(name) for name in columns}
    return [_free_name(f"prepared {number}", taken) for number in range(len(columns))]


def _free_name(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "'"
    return wanted


def collisions(names: Iterable[str]) -> list[str]:
    """Say which names cannot be read or made together, with what to do."""
    found: dict[str, str] = dict.fromkeys(RESERVED, "")
    wrong = []
    for name in names:
        other = found.setdefault(folded(name), name)
        if other == "":
            wrong.append(f"column {name} has a name that the engine needs for itself; rename it in a view")
        elif other != name:
            wrong.append(
                f"columns {other} and {name} differ in letter case only, which the engine does not tell apart; give one"
                " of them drop, or rename it in a view and name that as the source"
            )
    return wrong
