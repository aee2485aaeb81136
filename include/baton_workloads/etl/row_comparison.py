"""Values: every row of the warehouse holds what its row of the snapshot held, under the policy's rules.

The warehouse's rows are read back and compared by checksum, twice:

- with the raw files, to which every rule that needs no key is applied once more: neither transform nor load nor their
  files are believed;
- with the processed files, all columns: so a pseudonym that stands in another row is found without the key.

Sums of the hashes of rows cost one pass; only if they differ does a second one look for the columns.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from baton_workloads.environment import threads
from baton_workloads.etl import checksums, engine
from baton_workloads.etl.checks import Check
from baton_workloads.etl.column_names import prepared_names
from baton_workloads.etl.engine import identifier
from baton_workloads.etl.manifest import Column, File, Manifest
from baton_workloads.etl.parallel import run_all
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules.base import FLOATS
from baton_workloads.etl.warehouses.base import Reading, StoredRows
from baton_workloads.storage import join, store_for

FOUND = " (changed, or standing in other rows)"


@dataclass(frozen=True)
class Place:
    """One of the places that hold a dataset's rows.

    :param columns: the engine's expressions of the columns that are compared, by name.
    :param pieces: ways to open a piece of it; each gives what the expressions are selected from.
    """

    columns: dict[str, str]
    pieces: Sequence[Callable[[], AbstractContextManager[str]]]

    def only(self, names: set[str]) -> "Place":
        """Compare fewer columns."""
        return Place({name: e for name, e in self.columns.items() if name in names}, self.pieces)


def unchanged(warehouse: Reading, manifests: dict[str, Manifest], policy: Policy) -> list[Check]:
    """Compare the warehouse's values with the snapshot's.

    :param manifests: address → manifest, the raw one first.
    :raises DataError: a file is gone or damaged.
    """
    import duckdb

    (raw_uri, raw), (made_uri, made) = manifests.items()
    expected = [_raw(raw_uri, raw, policy)]
    if any(policy.rule(column.name).keyed for column in made.columns):
        expected.append(_processed(made_uri, made))
    try:
        with warehouse.rows(made) as stored:
            wrong = _differing(stored, _stored(stored, made), [place for place in expected if place.columns])
    except duckdb.Error as err:
        raise engine.translate(err, f"validate {made.dataset}") from err
    what = "values of {} are the snapshot's"
    if not wrong:
        return [Check(what.format("all columns"))]
    return [Check(what.format(c.name), 1, FOUND) for c in _carried(made) if c.name in wrong]


def _carried(made: Manifest) -> list[Column]:
    return [column for column in made.columns if column.carrier != "absent"]


def _raw(uri: str, raw: Manifest, policy: Policy) -> Place:
    """The raw files under the rules that can be applied again."""
    columns, prepared = {}, ["*"]
    aliases = prepared_names([column.name for column in raw.columns])
    for column, alias in zip(raw.columns, map(identifier, aliases), strict=True):
        rule, name = policy.rule(column.name), identifier(column.name)
        made = rule.result(column)
        if made is None or rule.keyed or not rule.reads_values:
            continue
        columns[column.name] = _shortened(made, f"({rule.expression(column, name, alias)})")
        once = rule.prepared(column, name)
        prepared += [f"{once} AS {alias}"] if once else []
    return Place(columns, [partial(_file, uri, file, prepared) for file in raw.files])


def _processed(uri: str, made: Manifest) -> Place:
    columns = {column.name: _shortened(column, identifier(column.name)) for column in _carried(made)}
    return Place(columns, [partial(_file, uri, file, ["*"]) for file in made.files])


def _shortened(column: Column, expression: str) -> str:
    if column.carrier == "text":
        return checksums.short_text(expression)
    return checksums.short_bytes(expression) if column.udt == "bytea" else _signed(column, expression)


def _signed(column: Column, expression: str) -> str:
    return checksums.with_sign(expression) if column.udt in FLOATS else expression


@contextmanager
def _given(rows: str) -> Iterator[str]:
    yield rows


@contextmanager
def _file(uri: str, file: File, selected: list[str]) -> Iterator[str]:
    address = join(uri.rsplit("/", 1)[0], file.path)
    with store_for(address).reading(address, file.bytes, file.sha256) as path:
        yield f"(SELECT {', '.join(selected)} FROM {engine.parquet(str(path))})"  # noqa: S608


def _stored(stored: StoredRows, made: Manifest) -> Place:
    """The warehouse's table."""
    columns = {column.name: _signed(column, identifier(column.name)) for column in _carried(made)}
    return Place(columns, [partial(_given, piece) for piece in stored.pieces])


def _differing(stored: StoredRows, warehouse: Place, expected: list[Place]) -> set[str]:
    """Name the columns in which the warehouse differs from one of the other places."""
    sets = [set(place.columns) for place in expected]
    found = _rows(stored, warehouse, sets)
    names: set[str] = set()
    for place, columns, total in zip(expected, sets, found, strict=True):
        if _rows(stored, place, [columns]) != [total]:
            names |= set(_columns(stored, place).differing(_columns(stored, warehouse.only(columns))))
    return names


def _rows(stored: StoredRows, place: Place, sets: list[set[str]]) -> list[int]:
    """Sum the hashes of rows, for each of the sets of columns."""
    sums = ", ".join(checksums.of_rows(place.only(columns).columns) for columns in sets)
    pieces = _asked(stored, place, lambda rows: f"SELECT {sums} FROM {rows}")  # noqa: S608
    return [sum(column) for column in zip(*pieces, strict=True)] if pieces else [0] * len(sets)


def _columns(stored: StoredRows, place: Place) -> checksums.Sums:
    pieces = _asked(stored, place, lambda rows: checksums.of_columns(place.columns, rows))
    nothing = dict.fromkeys(place.columns, 0)
    return sum((checksums.read(place.columns, piece) for piece in pieces), checksums.Sums(nothing, nothing))


def _asked(stored: StoredRows, place: Place, query: Callable[[str], str]) -> list[tuple[int, ...]]:
    def ask(opened: Callable[[], AbstractContextManager[str]]) -> tuple[int, ...]:
        with opened() as rows:
            return stored.row(query(rows))

    return run_all(place.pieces, ask, threads())
