"""Export: all datasets of one consistent snapshot, as Parquet, with a manifest for each.

One coordinating transaction (REPEATABLE READ) locks the tables against rewriting, reads the catalog and exports its
snapshot; each reader takes that snapshot over and copies ranges of rows. What arrived is counted against the source.
Columns whose rule needs no value (drop, null, fixed) are never read: what is not exported cannot leak.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from baton_workloads.environment import required, threads
from baton_workloads.errors import DataError
from baton_workloads.etl import column_encoding, database, engine, manifest, ranges, source
from baton_workloads.etl.keys import check_joins, read_keys
from baton_workloads.etl.manifest import Column, File, Manifest
from baton_workloads.etl.nondeterministic_keys import check_loose_keys
from baton_workloads.etl.parallel import run_all
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.readers import Readers
from baton_workloads.etl.snapshot import begin
from baton_workloads.progress import Progress, say
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import psycopg


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
    sized: bool = False  # the source is asked for the size of wide rows, whatever its statistics say
    failed: Literal["", "values", "memory"] = ""  # why it has to be read once more

    @property
    def name(self) -> str:
        """Give the dataset's name."""
        return self.policy.dataset


@dataclass(frozen=True)
class Task:
    """One range of a dataset on its way into one file."""

    dataset: Dataset
    number: int
    range: ranges.Range

    def query(self) -> str:
        """Give the source's query."""
        columns = [column_encoding.selection(c) for c in self.dataset.columns if c.carrier != "absent"]
        chosen = ", ".join(columns) or "true AS nothing"
        return f"SELECT {chosen} FROM {self.range.relation}{self.range.condition()}"  # noqa: S608


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
            check_loose_keys(connection, dataset.table, dataset.policy, policies)
        readers = Readers(dsn, exported)
        try:
            _copy(connection, readers, datasets)
        finally:
            readers.close()
        for dataset in datasets:
            _check_count(connection, dataset)
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
    datasets = {oid: name for name, table in tables.items() for oid in table.members}
    return {name: replace(table, keys=read_keys(connection, table, datasets)) for name, table in tables.items()}


def _planned(policy: Policy, table: source.Table, address: str, attempt: str) -> Dataset:
    """Decide carriers and check the policy before any row is read."""
    columns = [_carried(column, policy, column_encoding.carrier(column)) for column in table.columns]
    policy.check(columns)
    return Dataset(policy, table, columns, address, attempt, Progress(f"export {policy.dataset}", table.rows))


def _carried(column: Column, policy: Policy, carrier: str) -> Column:
    rule = policy.columns.get(column.name)
    if rule is not None and not rule.reads_values:
        carrier = "absent"
    return column.model_copy(update={"carrier": carrier, "rule": rule.rule if rule else None})


def _copy(connection: "psycopg.Connection[Any]", readers: Readers, datasets: list[Dataset]) -> None:
    """Copy all ranges; a dataset for which that went wrong in a way that is known is read once more in another way."""
    while datasets:
        huge: list[Task] = []
        run_all(_ordinary(connection, datasets, huge), lambda task: _copy_range(readers, task), threads())
        run_all(huge, lambda task: _copy_range(readers, task), 1)
        datasets = [dataset for dataset in datasets if dataset.failed]
        for dataset in datasets:
            _prepare_again(connection, dataset)


def _ordinary(connection: "psycopg.Connection[Any]", datasets: list[Dataset], huge: list[Task]) -> Iterator[Task]:
    """Give the ranges of which several may be in memory, and list the others.

    What has no wide rows comes first: it is copied while the source is asked for those of the rest.
    """
    for dataset in sorted(datasets, key=lambda each: any(_is_measured(each, part) for part in each.table.parts)):
        for task in _tasks(connection, dataset):
            if task.range.huge:
                huge.append(task)
            else:
                yield task


def _is_measured(dataset: Dataset, part: source.Part) -> bool:
    return part.pages > 0 and (dataset.sized or ranges.may_be_wide(part, dataset.columns))


def _prepare_again(connection: "psycopg.Connection[Any]", dataset: Dataset) -> None:
    if dataset.failed == "memory":
        say(f"export {dataset.name}: its rows are wider than the source's statistics say; once more, in smaller ranges")
        dataset.sized = True
    else:
        unheld = _unheld(connection, dataset)
        say(f"export {dataset.name}: {', '.join(sorted(unheld))} hold values that need the text form; once more")
        _carry_as_text(dataset, lambda column: column.name in unheld)
    dataset.files, dataset.failed, dataset.attempt = [], "", f"{dataset.attempt}-again"


def _unheld(connection: "psycopg.Connection[Any]", dataset: Dataset) -> set[str]:
    """Name the columns that hold values which their carrier would change (NaN, nested arrays, very late moments).

    All columns that could, where none is found: a view may say something else each time that it is asked.
    """
    conditions = {column.name: column_encoding.unheld(column) for column in dataset.columns}
    guarded = {name: condition for name, condition in conditions.items() if condition}
    asked = ", ".join(f"coalesce(bool_or({condition}), false)" for condition in guarded.values())
    query = f"SELECT {asked} FROM {source.qualified(dataset.policy.source)}"  # noqa: S608
    held = connection.execute(query.encode()).fetchone() or ()
    return {name for name, is_unheld in zip(guarded, held, strict=False) if is_unheld} or set(guarded)


def _carry_as_text(dataset: Dataset, chosen: Callable[[Column], bool]) -> None:
    dataset.columns = [c.model_copy(update={"carrier": "text"}) if chosen(c) else c for c in dataset.columns]
    dataset.policy.check(dataset.columns)


def _tasks(connection: "psycopg.Connection[Any]", dataset: Dataset) -> list[Task]:
    try:
        found = [each for part in dataset.table.parts for each in _ranges(connection, dataset, part)]
    except ranges.LargeArraysError:
        _carry_as_text(dataset, ranges.native_array)
        return _tasks(connection, dataset)
    return [Task(dataset, number, each) for number, each in enumerate(found)]


def _ranges(connection: "psycopg.Connection[Any]", dataset: Dataset, part: source.Part) -> list[ranges.Range]:
    if _is_measured(dataset, part):
        return ranges.cut(part, ranges.wide_rows(connection, dataset.name, part, dataset.columns))
    return ranges.cut(part, ())


def _copy_range(readers: Readers, task: Task) -> None:
    import duckdb

    dataset = task.dataset
    if dataset.failed:
        return
    path = f"{dataset.attempt}/part-{task.number:05d}.parquet"
    uri = join(dataset.address, path)
    try:
        with store_for(uri).writing(uri) as written:
            rows = readers.copy(task.query(), str(written.path))
            if not rows:
                raise _NothingReadError
    except _NothingReadError:  # the file is not published: a thousand empty partitions would cost each stage a minute
        return
    except duckdb.Error as err:
        if column_encoding.UNHELD in str(err):
            dataset.failed = "values"
        elif isinstance(err, duckdb.OutOfMemoryException) and not dataset.sized and not dataset.table.is_view:
            dataset.failed = "memory"
        else:
            raise engine.translate(err, f"export {dataset.name}") from err
        return
    dataset.files.append(File(path=path, rows=rows, bytes=written.size_bytes, sha256=written.sha256))
    dataset.progress.add(rows)


class _NothingReadError(Exception):
    pass


def _check_count(connection: "psycopg.Connection[Any]", dataset: Dataset) -> None:
    """Compare with the source's own count in the same snapshot. A view is read in one query, which is its own count.

    :raises DataError: some rows were not there for the readers, or were there twice.
    """
    if dataset.table.is_view:
        return
    table = source.qualified(dataset.policy.source)
    found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    counted, exported = int(found[0]) if found else 0, sum(file.rows for file in dataset.files)
    if counted != exported:
        raise DataError(
            f"export {dataset.name}: {dataset.policy.source} has {counted} rows, but {exported} were read in its parts"
            " (an extension that keeps rows elsewhere?); name a view of the table as the policy's source"
        )


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
