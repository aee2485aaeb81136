"""The masked copy of the same tables with dlt, as its documentation says to do it fast: Arrow, a map over tables, CSV.

Runs inside a virtual environment of its own, where dlt is; see `other_tools.py`. Sources: dlt's pages "SQL database"
(Arrow backends, `add_map` on tables) and "Postgres" (CSV for Arrow tables). Dropped columns are not read here either,
and pseudonyms come from the same hash kernel (polars-hash) as Baton's: what is compared is the way, not the hash.

    python dlt_job.py SOURCE_DSN TARGET_DSN POLICIES_FOLDER BACKEND DATASET…
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import polars  # noqa: TID253  # a script; nothing imports it
import polars_hash  # noqa: F401  # registers `chash`
import pyarrow  # noqa: TID253
import yaml
from dlt.sources.sql_database import sql_table

UNREAD = ("drop", "null", "fixed")
CHUNK_ROWS = 100_000


def rules_of(policies: Path, dataset: str) -> dict[str, dict[str, Any]]:
    """Column → rule of the columns whose values are read."""
    columns = yaml.safe_load((policies / f"{dataset}.yaml").read_text())["columns"]
    long_form = {name: rule if isinstance(rule, dict) else {"rule": rule} for name, rule in columns.items()}
    return {name: rule for name, rule in long_form.items() if rule["rule"] not in UNREAD}


def masked(name: str, rule: dict[str, Any], key: bytes) -> polars.Expr:
    """One column's mask as a polars expression."""
    column, text = polars.col(name), polars.col(name).cast(polars.String)
    match rule["rule"]:
        case "pseudonym":
            domain = hmac.digest(key, b"baton/pseudonym/1/" + rule["domain"].encode(), hashlib.sha256).hex()
            return text.chash.hmac_sha256(key=domain).str.head(32)
        case "mask_email":
            top = text.str.extract(r"\.([A-Za-z]{2,})$").str.to_lowercase()
            return (text.str.head(1).str.to_lowercase() + "***@***." + top).fill_null("***")
        case "mask_phone":
            return "***" + text.str.replace_all(r"[^0-9]", "").str.tail(rule.get("keep_last", 2))
        case "generalise_date":
            unit = {"year": "1y", "month": "1mo", "day": "1d"}[rule["to"]]
            return column.dt.truncate(unit)
        case "generalise_number":
            return (column.cast(polars.Float64) / rule["step"]).round() * rule["step"]
        case _:
            return column


def mask(rules: dict[str, dict[str, Any]], key: bytes) -> Callable[[pyarrow.Table], pyarrow.Table]:
    """The map over Arrow tables."""

    def apply(table: pyarrow.Table) -> pyarrow.Table:
        frame = polars.from_arrow(table)
        frame = frame.with_columns(masked(name, rule, key).alias(name) for name, rule in rules.items())
        # dlt writes no nested Arrow column to CSV. Cheap and not exact, to its advantage.
        lists = [name for name, kind in frame.schema.items() if isinstance(kind, polars.List)]
        return frame.with_columns(polars.col(lists).list.join(",", ignore_nulls=True)).to_arrow()

    return apply


def main() -> None:
    """Copy the datasets."""
    source, target, folder, backend, *datasets = sys.argv[1:]
    key = bytes.fromhex(os.environ["BATON_PSEUDONYM_KEY"])
    resources = []
    for dataset in datasets:
        rules = rules_of(Path(folder), dataset)
        resource = sql_table(
            credentials=source.replace("postgresql://", "postgresql+psycopg2://"),
            schema="public",
            table=dataset,
            backend=backend,
            chunk_size=CHUNK_ROWS,
            # Types are taken from the masked tables: a pseudonym is no bigint.
            reflection_level="minimal",
            included_columns=list(rules),
            backend_kwargs={"conn": source} if backend == "connectorx" else {},
        )
        resources.append(resource.add_map(mask(rules, key)))
    with tempfile.TemporaryDirectory() as state:
        pipeline = dlt.pipeline(
            "masked",
            destination=dlt.destinations.postgres(credentials=target),
            dataset_name="masked",
            pipelines_dir=state,
        )
        pipeline.run(resources, write_disposition="replace", loader_file_format="csv").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
