"""Transform: apply a dataset's policy to its raw files, part by part.

Each part is made by itself: pseudonyms are hashed by a vectorised kernel, everything else is SQL, and the new part is
written with the same number of rows or not at all.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required, threads
from baton_workloads.errors import DataError
from baton_workloads.etl import engine, manifest, pseudonym
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column, File, Manifest, Parent
from baton_workloads.etl.parallel import run_all
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules.pseudonym import Pseudonym
from baton_workloads.progress import Progress
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb
    import pyarrow

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"


@dataclass(frozen=True)
class Plan:
    """What happens to each part of one dataset."""

    raw: Manifest
    policy: Policy
    keys: dict[str, str]  # of pseudonym columns: the domain's key

    def pseudonyms(self) -> list[Column]:
        """Give the columns that are hashed."""
        return [column for column in self.raw.columns if column.name in self.keys]

    def canonical(self, path: str) -> str:
        """Give the query for the texts to hash, with the number of each row."""
        texts = []
        for column in self.pseudonyms():
            rule = self.policy.rule(column.name)
            if isinstance(rule, Pseudonym):
                name = identifier(column.name)
                texts.append(f"{rule.canonical(column, name)} AS {name}")
        return f"SELECT file_row_number AS row_number, {', '.join(texts)} FROM {_parquet(path)}"  # noqa: S608

    def output(self, path: str) -> str:
        """Give the query for the new part."""
        made = []
        for column in self.raw.columns:
            rule = self.policy.rule(column.name)
            if not rule.reads_values and rule.rule != "fixed":
                continue
            made.append(f"{self._expression(column)} AS {identifier(column.name)}")
        hashes = " POSITIONAL JOIN hashes" if self.keys else ""
        return f"SELECT {', '.join(made) or 'true AS nothing'} FROM {_parquet(path)} raw{hashes}"  # noqa: S608

    def _expression(self, column: Column) -> str:
        name = identifier(column.name)
        if column.name not in self.keys:
            return self.policy.rule(column.name).expression(column, f"raw.{name}")
        # Both sides are in file order; a pseudonym must never reach another row, so each row is checked.
        return (
            f"CASE WHEN hashes.row_number = raw.file_row_number THEN hashes.{name}::UUID"
            " ELSE error('rows out of order') END"
        )


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
    domains = {name: rule.domain for name, rule in policy.columns.items() if isinstance(rule, Pseudonym)}
    if not domains:
        return Plan(raw, policy, {}), None
    key = pseudonym.secret_key()
    keys = {name: pseudonym.domain_key(key, domain) for name, domain in domains.items()}
    return Plan(raw, policy, keys), pseudonym.fingerprint(key)


def _transform_parts(plan: Plan, uri: str, address: str) -> list[File]:
    source_address = uri.rsplit("/", 1)[0]
    attempt = manifest.attempt(plan.raw.snapshot)
    progress = Progress(f"transform {plan.raw.dataset}", plan.raw.rows)
    connection = engine.connect()

    def work(file: File) -> File:
        made = _transform_part(plan, connection.cursor(), file, source_address, join(address, attempt))
        progress.add(made.rows)
        return made

    try:
        return run_all(plan.raw.files, work, threads())
    finally:
        connection.close()


def _transform_part(
    plan: Plan, connection: "duckdb.DuckDBPyConnection", file: File, source_address: str, address: str
) -> File:
    import duckdb

    raw_uri = join(source_address, file.path)
    name = file.path.rsplit("/", 1)[1]
    made_uri = join(address, name)
    with (
        store_for(raw_uri).reading(raw_uri, file.bytes, file.sha256) as raw_path,
        store_for(made_uri).writing(made_uri) as written,
    ):
        try:
            rows = _make(plan, connection, raw_path, written.path)
        except duckdb.Error as err:
            raise engine.translate(err, f"transform {plan.raw.dataset}, {file.path}") from err
        if rows != file.rows:
            raise DataError(f"{raw_uri} holds {rows} rows, its manifest says {file.rows}; run the export again")
    path = f"{address.rsplit('/', 1)[1]}/{name}"
    return File(path=path, rows=rows, bytes=written.size_bytes, sha256=written.sha256)


def _make(plan: Plan, connection: "duckdb.DuckDBPyConnection", raw: Path, made: Path) -> int:
    if plan.keys:
        connection.register("hashes", _hashes(plan, connection, raw))
    copied = connection.execute(f"COPY ({plan.output(str(raw))}) TO {literal(str(made))} ({PARQUET})").fetchone()
    if plan.keys:
        connection.unregister("hashes")
    return int(copied[0]) if copied else 0


def _hashes(plan: Plan, connection: "duckdb.DuckDBPyConnection", raw: Path) -> "pyarrow.Table":
    import polars

    texts = polars.from_arrow(connection.execute(plan.canonical(str(raw))).to_arrow_table())
    if not isinstance(texts, polars.DataFrame):
        raise DataError(f"{raw.name} holds no table")
    hashed = [pseudonym.hash_texts(texts[name], key) for name, key in plan.keys.items()]
    return texts.select("row_number").with_columns(hashed).to_arrow()


def _parquet(path: str) -> str:
    return f"read_parquet({literal(path)}, file_row_number = true)"
