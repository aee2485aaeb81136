"""First policies from a source's schema, with nothing suspicious kept.

Keys become pseudonyms whose domain follows the foreign keys, so that joins survive. A column is kept only where type
and name together show that it says nothing about a person; all others are dropped, with a comment why and what else
would fit. The files are a start for people to go through, and they pass every check as they are.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl import database, source
from baton_workloads.etl.carriers import carrier
from baton_workloads.etl.keys import read_keys
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.policy import DATASET, TABLE
from baton_workloads.etl.rules.base import INTEGERS, TEXTS
from baton_workloads.etl.rules.generalise import DATES
from baton_workloads.etl.rules.pseudonym import Pseudonym

if TYPE_CHECKING:
    import psycopg

TABLES = """
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""

# (types, names) that are kept: counts, codes of public lists, and the states of a process.
HARMLESS = (
    (INTEGERS, re.compile(r"(quantity|line_number|position|sort_order|attempts?|version|priority|on_hand|reserved)")),
    (frozenset({"bpchar", "varchar", "text"}), re.compile(r"(currency|currency_code|unit)")),
    (frozenset({"enum"}), re.compile(r"(status|state|method|queue|side|currency)")),
    (frozenset({"bool"}), re.compile(r"(is_active|is_deleted|is_archived|is_default)")),
)

Table = tuple[source.Table, str]
Domains = dict[tuple[str, str], str]


def policy_init(dsn: str, schema: str, tables: list[str], folder: Path) -> dict[str, Any]:
    """Write ``{table}.yaml`` for each table.

    :param tables: names within the schema; all tables when empty.
    :returns: the result with the files written.
    :raises ConfigurationError: a file exists already; nothing is written then.
    """
    with database.connect(dsn, "source") as connection:
        names = tables or [row[0] for row in connection.execute(TABLES, (schema,))]
        shapes = _shapes(connection, schema, names)
    if not shapes:
        raise DataError(f"schema {schema} holds no table; check --schema")
    domains = _domains(shapes)
    files = {folder / f"{dataset}.yaml": _text(dataset, schema, shapes, domains) for dataset in shapes}
    existing = [str(file) for file in files if file.exists()]
    if existing:
        raise ConfigurationError(
            f"{', '.join(existing)} exists already; remove it or give another -o; nothing was written"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    return {"stage": "policy_init", "files": [str(file) for file in files]}


def _shapes(connection: "psycopg.Connection[Any]", schema: str, names: list[str]) -> dict[str, Table]:
    """Read tables by dataset name; keys refer to datasets."""
    found: dict[str, Table] = {}
    for name in names:
        if not re.fullmatch(TABLE, f"{schema}.{name}") or not re.fullmatch(DATASET, name.lower()):
            raise DataError(f"table {schema}.{name} has a name that no policy can hold; make a view with a plain name")
        if name.lower() in found:
            raise DataError(
                f"tables {schema}.{found[name.lower()][1]} and {schema}.{name} differ in letter case only, but datasets"
                " need names of their own; choose with --table, and write the other one's policy by hand"
            )
        found[name.lower()] = (source.read_table(connection, f"{schema}.{name}"), name)
    oids = {oid: dataset for dataset, (table, _) in found.items() for oid in table.members}
    shapes = {}
    for dataset, (table, name) in found.items():
        keys = read_keys(connection, table, oids)
        columns = [column.model_copy(update={"carrier": carrier(column)}) for column in table.columns]
        shapes[dataset] = (replace(table, columns=columns, keys=keys), name)
    return shapes


def _domains(shapes: dict[str, Table]) -> Domains:
    """Give each key column its domain: its own name, or that of the column which it refers to in the end."""
    references = {}
    for dataset, (table, _) in shapes.items():
        for key in table.keys.foreign:
            for column, reference in zip(key.columns, key.references, strict=True):
                references[dataset, column] = (key.dataset, reference)
    keys = set(references) | set(references.values())
    for dataset, (table, _) in shapes.items():
        keys |= {(dataset, column) for key in (table.keys.primary, *table.keys.partial) for column in key}
    return {key: _domain(key, references) for key in keys}


def _domain(key: tuple[str, str], references: dict[tuple[str, str], tuple[str, str]]) -> str:
    seen = {key}
    while key in references and references[key] not in seen:
        key = references[key]
        seen.add(key)
    return re.sub(r"[^a-z0-9_.-]", "_", ".".join(key).lower())[:63]


def _text(dataset: str, schema: str, shapes: dict[str, Table], domains: Domains) -> str:
    table, name = shapes[dataset]
    lines = [
        f"# First policy for {schema}.{name}: go through it column by column. What is dropped here was not understood,",
        "# which does not mean that it is personal; what is kept was recognised by type and name alone.",
        f"source: {schema}.{name}",
        f"target: public.{dataset}",
        "columns:",
    ]
    return "\n".join([*lines, *(f"  {_line(c, domains.get((dataset, c.name)))}" for c in table.columns)]) + "\n"


def _line(column: Column, domain: str | None) -> str:
    name = column.name if re.fullmatch(r"[a-z_][a-z0-9_]*", column.name) else _quoted(column.name)
    if name in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}:
        name = _quoted(name)
    if any(column.udt in types and names.fullmatch(column.name) for types, names in HARMLESS):
        return f"{name}: keep  # {column.type}"
    if domain is not None and Pseudonym(rule="pseudonym", domain=domain).misfit(column) is None:
        return f"{name}: {{rule: pseudonym, domain: {domain}}}  # {column.type}, key"
    return f"{name}: drop  # {column.type}: {_why(column)}"


def _why(column: Column) -> str:
    if column.udt in TEXTS:
        if "mail" in column.name:
            return "an address; mask_email or pseudonym would fit"
        if re.search(r"phone|mobile|fax", column.name):
            return "a number; mask_phone would fit"
        return "text may name a person"
    if column.udt in DATES:
        return "a date may find a person; generalise_date would fit"
    if column.udt in {"json", "jsonb", "xml", "bytea"} or column.udt.startswith("_"):
        return "may hold anything"
    if column.udt in INTEGERS or column.udt in {"numeric", "float4", "float8"}:
        return "a number may find a person; generalise_number or keep would fit"
    return "not known to be harmless"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
