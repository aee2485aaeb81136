"""Transform: apply a dataset's policy to its raw files, part by part.

Each part is made by itself: pseudonyms are hashed by a vectorised kernel, everything else is SQL, and the new part is
written with the same number of rows or not at all. Where a policy hides anything, the rows of all parts are then put
into an order that tells nothing about theirs in the source (``row_order``).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required, threads
from baton_workloads.errors import DataError
from baton_workloads.etl import engine, manifest, pseudonym, row_groups, row_order
from baton_workloads.etl.column_names import prepared_names
from baton_workloads.etl.engine import PARQUET, identifier, literal
from baton_workloads.etl.manifest import Column, File, Manifest, Parent
from baton_workloads.etl.parallel import run_all
from baton_workloads.etl.policy import Policy
from baton_workloads.progress import Progress
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb
    import pyarrow

BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Plan:
    """What happens to each part of one dataset."""

    raw: Manifest
    policy: Policy
    keys: dict[str, str]  # of pseudonym columns: the domain's key

    @property
    def reorders(self) -> bool:
        """Say whether the source's order of rows would tell something that the policy hides."""
        return row_order.tells(self.raw, self.policy)

    @property
    def needs_hashes(self) -> bool:
        """Say whether something is made beside the engine: pseudonyms, or places."""
        return bool(self.keys) or self.reorders

    def pseudonyms(self) -> list[Column]:
        """Give the columns that are hashed."""
        return [column for column in self.raw.columns if column.name in self.keys]

    def canonical(self, path: str) -> str:
        """Give the query for the texts to hash, with the number of each row."""
        texts = ["file_row_number AS row_number"]
        for column in self.pseudonyms():
            rule = self.policy.rule(column.name)
            texts.append(f"{rule.canonical(column, identifier(column.name))} AS text_{len(texts) - 1}")
        return f"SELECT {', '.join(texts)} FROM {engine.parquet(path, numbered=True)}"  # noqa: S608

    def output(self, path: str) -> str:
        """Give the query for the new part; where rows are put into another order, each with its place in that."""
        made, prepared = [], ["*"]
        aliases = prepared_names([column.name for column in self.raw.columns])
        for column, alias in zip(self.raw.columns, map(identifier, aliases), strict=True):
            rule, name = self.policy.rule(column.name), identifier(column.name)
            result = rule.result(column)
            if result is None or result.carrier == "absent":
                continue
            made.append(f"{self._expression(column, alias)} AS {name}")
            once = rule.prepared(column, name)
            if once is not None:
                prepared.append(f"{once} AS {alias}")
        raw = f"(SELECT {', '.join(prepared)} FROM {engine.parquet(path, numbered=True)}) raw"  # noqa: S608
        made = made or ["true AS nothing"]
        if self.reorders:
            made.append(f"hashes.place AS {row_order.PLACE}, hashes.bucket AS {row_order.BUCKET}")
        hashes = " POSITIONAL JOIN hashes" if self.needs_hashes else ""
        return f"SELECT {', '.join(made)} FROM {raw}{hashes}"  # noqa: S608

    @property
    def key_place(self) -> int | None:
        """Give the number of the pseudonym that is the primary key: as a place it spares the warehouse a sort."""
        primary = self.raw.keys.primary
        return list(self.keys).index(primary[0]) if len(primary) == 1 and primary[0] in self.keys else None

    def _hash(self, name: str) -> str:
        return f"hashes.hash_{list(self.keys).index(name)}"

    def _expression(self, column: Column, prepared: str) -> str:
        name, rule = identifier(column.name), self.policy.rule(column.name)
        if column.name not in self.keys:
            return rule.expression(column, f"raw.{name}", f"raw.{prepared}")
        hashed = rule.of_hash(column, f"raw.{name}", self._hash(column.name))
        # Both sides are in file order; a pseudonym must never reach another row, so each row is checked.
        return f"CASE WHEN hashes.row_number = raw.file_row_number THEN {hashed} ELSE error('rows out of order') END"


def transform(uri: str, policies: dict[str, Policy]) -> dict[str, Any]:
    """Make the processed files of one dataset from its raw manifest.

    :raises DataError: the policy or a raw file is wrong.
    """
    started = time.monotonic()
    root = required("BATON_PROCESSED_URI")
    raw, digest = manifest.read(uri, "export")
    policy = policies.get(raw.dataset)
    if policy is None:
        raise DataError(f"no policy for dataset {raw.dataset}; add {raw.dataset}.yaml")
    policy.check(raw.columns)
    _check_carried(raw, policy)
    plan, fingerprint = _plan(raw, policy)
    address = manifest.directory(root, raw.dataset, raw.run_key)
    files = _transform_parts(plan, uri, address)
    made = Manifest(
        format=1,
        dataset=raw.dataset,
        run_key=raw.run_key,
        stage="transform",
        snapshot=raw.snapshot,
        source=raw.source,
        target=policy.target,
        files=files,
        columns=[c for c in (policy.rule(column.name).result(column) for column in raw.columns) if c is not None],
        keys=raw.keys,
        rows=sum(file.rows for file in files),
        policy_digest=policy.digest,
        key_fingerprint=fingerprint,
        parent=Parent(uri=uri, sha256=digest, rows=raw.rows),
    )
    return {
        "stage": "transform",
        "dataset": raw.dataset,
        "manifest": manifest.write(address, made),
        "rows": made.rows,
        "bytes": sum(file.bytes for file in files),
        "seconds": round(time.monotonic() - started, 3),
    }


def _check_carried(raw: Manifest, policy: Policy) -> None:
    """A policy that changed since the export may need values that were not exported."""
    missing = [c.name for c in raw.columns if c.carrier == "absent" and policy.rule(c.name).reads_values]
    if missing:
        raise DataError(
            f"dataset {raw.dataset}: columns {', '.join(missing)} were not exported, as the policy of that time did not"
            " need them; run the export again with the present policy"
        )


def _plan(raw: Manifest, policy: Policy) -> tuple[Plan, str | None]:
    domains = {c.name: domain for c in raw.columns if (domain := policy.rule(c.name).key_domain()) is not None}
    if not domains:
        return Plan(raw, policy, {}), None
    key = pseudonym.secret_key()
    keys = {name: pseudonym.domain_key(key, domain) for name, domain in domains.items()}
    return Plan(raw, policy, keys), pseudonym.fingerprint(key)


def _transform_parts(plan: Plan, uri: str, address: str) -> list[File]:
    source_address = uri.rsplit("/", 1)[0]
    attempt = join(address, manifest.attempt(plan.raw.snapshot))
    progress = Progress(f"transform {plan.raw.dataset}", plan.raw.rows)
    connection = engine.connect()

    def work(file: File) -> File:
        made = _transform_part(plan, connection.cursor(), file, source_address, attempt)
        progress.add(made.rows)
        return made

    def work_in_pieces(directory: Path, file: File) -> None:
        _write_pieces(plan, connection.cursor(), file, source_address, directory)
        progress.add(file.rows)

    try:
        if not plan.reorders:
            return run_all(plan.raw.files, work, threads())
        connection.execute(f"SET partitioned_write_flush_threshold = {row_order.held_rows(plan.raw)}")
        with TemporaryDirectory(prefix="baton-") as directory:
            run_all(plan.raw.files, lambda file: work_in_pieces(Path(directory), file), threads())
            return row_order.merge(plan.raw, connection, Path(directory), attempt)
    finally:
        connection.close()


def _transform_part(
    plan: Plan, connection: "duckdb.DuckDBPyConnection", file: File, source_address: str, address: str
) -> File:
    name = file.path.rsplit("/", 1)[1]
    made_uri = join(address, name)
    with store_for(made_uri).writing(made_uri) as written:
        target = f"{literal(str(written.path))} ({PARQUET})"
        _copy(plan, connection, file, source_address, target)
    path = f"{address.rsplit('/', 1)[1]}/{name}"
    return File(path=path, rows=file.rows, bytes=written.size_bytes, sha256=written.sha256)


def _write_pieces(
    plan: Plan, connection: "duckdb.DuckDBPyConnection", file: File, source_address: str, directory: Path
) -> None:
    folder = directory / file.path.rsplit("/", 1)[1].removesuffix(".parquet")
    _copy(plan, connection, file, source_address, row_order.pieces(folder))


def _copy(plan: Plan, connection: "duckdb.DuckDBPyConnection", file: File, source_address: str, target: str) -> None:
    """Write one part's rows to where and how ``target`` says, all of them."""
    import duckdb

    raw_uri = join(source_address, file.path)
    with store_for(raw_uri).reading(raw_uri, file.bytes, file.sha256) as raw:
        try:
            rows = _make(plan, connection, raw, target)
        except duckdb.Error as err:
            raise engine.translate(err, f"transform {plan.raw.dataset}, {file.path}") from err
        if rows != file.rows:
            raise DataError(f"{raw_uri} holds {rows} rows, its manifest says {file.rows}; run the export again")


def _make(plan: Plan, connection: "duckdb.DuckDBPyConnection", raw: Path, target: str) -> int:
    query = plan.output(str(raw))
    largest = row_groups.measure(connection, raw)
    with row_groups.alone_if_huge(largest):
        if plan.needs_hashes:
            batch_rows = min(BATCH_ROWS, largest.rows or BATCH_ROWS)
            connection.register("hashes", _hashes(plan, connection.cursor(), raw, batch_rows))
        copied = connection.execute(f"COPY ({query}) TO {target}").fetchone()
        if plan.needs_hashes:
            connection.unregister("hashes")
    return int(copied[0]) if copied else 0


def _hashes(
    plan: Plan, connection: "duckdb.DuckDBPyConnection", raw: Path, batch_rows: int
) -> "pyarrow.RecordBatchReader":
    """Give the part's pseudonyms as a stream that is made while the engine reads it, so that few rows are in memory."""
    import pyarrow

    texts = connection.execute(plan.canonical(str(raw))).to_arrow_reader(batch_rows)
    hash_types = [(f"hash_{number}", pyarrow.uuid()) for number in range(len(plan.keys))]
    place_type = pyarrow.uint64() if plan.key_place is None else pyarrow.uuid()
    place_types = [("place", place_type), ("bucket", pyarrow.uint8())] if plan.reorders else []
    schema = pyarrow.schema([("row_number", pyarrow.int64()), *hash_types, *place_types])
    return pyarrow.RecordBatchReader.from_batches(schema, (_hashed(plan, batch, schema) for batch in texts))


def _hashed(plan: Plan, batch: "pyarrow.RecordBatch", schema: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    import pyarrow

    keys = enumerate(plan.keys.values())
    hashes = [pseudonym.hash_bits(batch.column(f"text_{number}"), key) for number, key in keys]
    columns = [batch.column("row_number"), *hashes]
    if plan.reorders:
        key = plan.key_place
        places = row_order.random_places(batch.num_rows) if key is None else hashes[key]
        columns += [places, row_order.dealt(places, row_order.buckets(plan.raw))]
    return pyarrow.RecordBatch.from_arrays(columns, schema=schema)
