"""Export: all datasets of one consistent snapshot, as Parquet, with a manifest for each.

One coordinating transaction (REPEATABLE READ) locks the tables against rewriting, reads the catalog and exports its
snapshot; each reader takes that snapshot over and copies ranges of pages. Columns whose rule needs no value (drop,
null, fixed) are never read: what is not exported cannot leak.
"""

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required, threads
from baton_workloads.etl import carriers, database, engine, manifest, source
from baton_workloads.etl.keys import check_joins, read_keys
from baton_workloads.etl.manifest import Column, File, Manifest
from baton_workloads.etl.parallel import run_all
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.readers import Readers
from baton_workloads.etl.snapshot import begin
from baton_workloads.progress import Progress, say
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import psycopg

RANGE_BYTES = 64 << 20
BLOCK_BYTES = 8192


@dataclass
class Dataset:
    """One dataset on its way into files."""

    policy: Policy
    table: source.Table
    columns: list[Column]
    address: str
    attempt: str
    progress: Progress
    files: list[File] = field(default_factory=list)
    tripped: bool = False

    @property
    def name(self) -> str:
        """Give the dataset's name."""
        return self.policy.dataset


@dataclass(frozen=True)
class Range:
    """A range of pages of one part of a dataset; ``first`` is None for all of a view."""

    dataset: Dataset
    number: int
    relation: str
    first: int | None = None
    last: int | None = None

    def query(self) -> str:
        """Give the source's query."""
        columns = [carriers.selection(c) for c in self.dataset.columns if c.carrier != "absent"]
        where = ""
        if self.first is not None:
            where = f" WHERE ctid >= '({self.first},0)'" + (f" AND ctid < '({self.last},0)'" if self.last else "")
        return f"SELECT {', '.join(columns) or 'true AS nothing'} FROM {self.relation}{where}"  # noqa: S608


def export(run_key: str, policies: dict[str, Policy]) -> dict[str, Any]:
    """Export all datasets that the policies name.

    :returns: the stage's result.
    :raises DataError: a table is missing, or a policy does not match its table.
    """
    started = time.monotonic()
    dsn, root = required("BATON_SOURCE_DSN"), required("BATON_RAW_URI")
    with database.connect(dsn, "source") as connection:
        snapshot, exported = begin(connection, [policy.source for policy in policies.values()])
        attempt = manifest.attempt(snapshot)
        tables = _tables(connection, policies)
        datasets = [
            _planned(policy, tables[name], manifest.directory(root, name, run_key), attempt)
            for name, policy in policies.items()
        ]
        for dataset in datasets:
            check_joins(dataset.table.keys, dataset.policy, policies)
        readers = Readers(dsn, exported)
        try:
            _copy(connection, readers, datasets)
        finally:
            readers.close()
    manifests = {d.name: manifest.write(d.address, _manifest(d, run_key, snapshot)) for d in datasets}
    files = [file for dataset in datasets for file in dataset.files]
    return {
        "stage": "export",
        "run_key": run_key,
        "snapshot": snapshot.model_dump(mode="json"),
        "manifests": manifests,
        "rows": sum(file.rows for file in files),
        "bytes": sum(file.bytes for file in files),
        "seconds": round(time.monotonic() - started, 3),
    }


def _tables(connection: "psycopg.Connection[Any]", policies: dict[str, Policy]) -> dict[str, source.Table]:
    """Read all tables' shapes, then their keys: which references stay within the run is known only then."""
    tables = {name: source.read_table(connection, policy.source) for name, policy in policies.items()}
    datasets = {table.oid: name for name, table in tables.items()}
    return {name: replace(t, keys=read_keys(connection, t.oid, datasets)) for name, t in tables.items()}


def _planned(policy: Policy, table: source.Table, address: str, attempt: str) -> Dataset:
    """Decide carriers and check the policy before any row is read."""
    columns = [_carried(column, policy, carriers.carrier(column)) for column in table.columns]
    policy.check(columns)
    return Dataset(policy, table, columns, address, attempt, Progress(f"export {policy.dataset}", table.rows))


def _carried(column: Column, policy: Policy, carrier: str) -> Column:
    rule = policy.columns.get(column.name)
    if rule is not None and not rule.reads_values:
        carrier = "absent"
    return column.model_copy(update={"carrier": carrier, "rule": rule.rule if rule else None})


def _copy(connection: "psycopg.Connection[Any]", readers: Readers, datasets: list[Dataset]) -> None:
    """Copy all ranges; datasets with values that no native type holds are read again, their columns as text."""
    run_all(_ranges(datasets), lambda task: _copy_range(readers, task), threads())
    again = [dataset for dataset in datasets if dataset.tripped]
    for dataset in again:
        unheld = _unheld(connection, dataset)
        say(f"export {dataset.name}: {', '.join(sorted(unheld))} hold values that need the text form; once more")
        dataset.columns = [
            column.model_copy(update={"carrier": "text"}) if column.name in unheld else column
            for column in dataset.columns
        ]
        dataset.policy.check(dataset.columns)
        dataset.files, dataset.tripped, dataset.attempt = [], False, f"{dataset.attempt}-text"
    run_all(_ranges(again), lambda task: _copy_range(readers, task), threads())


def _unheld(connection: "psycopg.Connection[Any]", dataset: Dataset) -> set[str]:
    """Name the columns that hold values which their carrier would change (NaN, nested arrays, very late moments)."""
    conditions = {column.name: carriers.unheld(column) for column in dataset.columns}
    guarded = {name: condition for name, condition in conditions.items() if condition}
    asked = ", ".join(f"coalesce(bool_or({condition}), false)" for condition in guarded.values())
    query = f"SELECT {asked} FROM {source.qualified(dataset.policy.source)}"  # noqa: S608
    held = connection.execute(query.encode()).fetchone() or ()
    return {name for name, is_unheld in zip(guarded, held, strict=False) if is_unheld}


def _ranges(datasets: list[Dataset]) -> list[Range]:
    pages = RANGE_BYTES // BLOCK_BYTES
    ranges = []
    for dataset in datasets:
        number = 0
        for part in dataset.table.parts:
            only = "ONLY " if part.kind == "r" else ""
            if part.kind == "v":
                ranges.append(Range(dataset, number, part.name))
                number += 1
                continue
            for first in range(0, part.pages, pages):
                last = first + pages if first + pages < part.pages else None
                ranges.append(Range(dataset, number, only + part.name, first, last))
                number += 1
    return ranges


def _copy_range(readers: Readers, task: Range) -> None:
    import duckdb

    dataset = task.dataset
    if dataset.tripped:
        return
    path = f"{dataset.attempt}/part-{task.number:05d}.parquet"
    uri = join(dataset.address, path)
    try:
        with store_for(uri).writing(uri) as written:
            rows = readers.copy(task.query(), str(written.path))
    except duckdb.Error as err:
        if "division by zero" not in str(err):
            raise engine.translate(err, f"export {dataset.name}") from err
        dataset.tripped = True
        return
    dataset.files.append(File(path=path, rows=rows, bytes=written.size_bytes, sha256=written.sha256))
    dataset.progress.add(rows)


def _manifest(dataset: Dataset, run_key: str, snapshot: manifest.Snapshot) -> Manifest:
    files = sorted(dataset.files, key=lambda file: file.path)
    return Manifest(
        format=1,
        dataset=dataset.name,
        run_key=run_key,
        stage="export",
        snapshot=snapshot,
        source=dataset.policy.source,
        target=dataset.policy.target,
        files=files,
        columns=dataset.columns,
        keys=dataset.table.keys,
        rows=sum(file.rows for file in files),
        policy_digest=dataset.policy.digest,
    )
