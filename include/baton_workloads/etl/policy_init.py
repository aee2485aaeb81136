"""First policies from a source's schema, with nothing suspicious kept.

Keys become pseudonyms whose domain follows the foreign keys, so that joins survive: all columns of one key get one
rule. A column is kept only where type, name and table together show that it says nothing about a person (``harmless``);
all others are dropped, with a comment why and what else would fit. The files are a start for people to go through. They
pass every check of a run as they are; a table for which that is not possible gets no file, and the reason is said.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from baton_workloads.errors import ConfigurationError, DataError, TransientError, WorkloadError
from baton_workloads.etl import database, policy, read_privileges, source
from baton_workloads.etl.column_encoding import carrier
from baton_workloads.etl.dataset_names import dataset_names
from baton_workloads.etl.harmless import KEEP, Surroundings, judged, surroundings
from baton_workloads.etl.keys import check_joins, read_keys
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.pseudonym import Pseudonym

if TYPE_CHECKING:
    import psycopg

TABLES = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2
"""

# The labels of the enumerations that a table's columns have, domains of them included.
LABELS = """
SELECT a.attname::text, array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_enum e ON e.enumtypid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
 WHERE a.attrelid = %s::oid AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1
"""

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")  # in YAML; JSON escapes only the first of them
YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


@dataclass
class Draft:
    """A table on its way to a policy.

    :param columns: column → its rule and, as a comment, the type and why.
    """

    dataset: str
    name: str
    table: source.Table
    around: Surroundings
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)

    def text(self) -> str:
        """Give the file's text."""
        lines = [
            f"# First policy for {_in_a_line(self.name)}: go through it column by column.",
            "# What is dropped was not understood, which does not mean that it is personal; what is kept was known by",
            "# type and names alone.",
            f"source: {_scalar(self.name)}",
            f"target: public.{self.dataset}",
            "columns:",
            *(f"  {_scalar(name)}: {rule}  # {_in_a_line(comment)}" for name, (rule, comment) in self.columns.items()),
        ]
        return "\n".join(lines) + "\n"


Shapes = dict[str, Draft]
Place = tuple[str, str]
"""Dataset and column."""


def policy_init(dsn: str, schemas: list[str], tables: list[str], folder: Path) -> dict[str, Any]:
    """Write ``{dataset}.yaml`` for each table.

    :param tables: ``name`` or ``schema.name``; all tables when empty.
    :returns: the result: files written, tables left out with the reason, columns by rule.
    :raises ConfigurationError: a file exists already; nothing is written then.
    """
    with database.connect(dsn, "source") as connection:
        names = _names(connection, schemas, tables)
        left_out = {name: reason for name in names if (reason := _unusable(name))}
        shapes, unread = _shapes(connection, [name for name in names if name not in left_out])
        left_out |= unread
    rules = _key_rules(shapes)
    for draft in shapes.values():
        draft.columns = {c.name: rules.get((draft.dataset, c.name)) or _alone(c, draft) for c in draft.table.columns}
    drafts, refused = _runnable(shapes)
    left_out |= refused
    if not drafts:
        raise DataError(f"there is no table that a policy can be made for: {_listed(left_out) or 'check --schema'}")
    files = {folder / f"{draft.dataset}.yaml": draft.text() for draft in drafts}
    if existing := [file for file in files if file.exists()]:
        raise ConfigurationError(
            f"{', '.join(map(str, existing))} exists already; give a folder of your own with -o; nothing was written"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    counts = Counter(_kind(rule) for draft in drafts for rule, _ in draft.columns.values())
    return {
        "stage": "policy_init",
        "files": [str(file) for file in files],
        "left_out": left_out,
        "columns": dict(counts),
    }


def summary(result: dict[str, Any], folder: Path) -> str:
    """Say to people what was written, what was not, and what comes next."""
    columns = ", ".join(f"{count} {rule}" for rule, count in sorted(result["columns"].items()))
    lines = [f"{len(result['files'])} policies written to {folder}. Columns: {columns}."]
    lines += [f"Left out: {name}: {reason}" for name, reason in result["left_out"].items()]
    return "\n".join(
        [
            *lines,
            "Next: go through them column by column, what is dropped may be kept, masked or generalised. Then run the",
            "chain with them, with the same source:",
            f"  ./baton demo --source … --policies {folder}",
        ]
    )


def _names(connection: "psycopg.Connection[Any]", schemas: list[str], tables: list[str]) -> list[str]:
    """Give ``schema.table`` of all tables, or of the chosen ones, which are then looked for as they are."""
    if tables:
        return [name if "." in name else f"{schemas[0]}.{name}" for name in tables]
    found = [(schema, table) for schema, table in connection.execute(TABLES, (schemas,))]
    if missing := [schema for schema in schemas if schema not in {schema for schema, _ in found}]:
        raise DataError(f"schema {', '.join(missing)} holds no table; check --schema")
    return [f"{schema}.{table}" for schema, table in found]


def _unusable(name: str) -> str:
    return "" if re.fullmatch(policy.SOURCE, name) else "no policy can hold its name; make a view with a plain name"


def _listed(left_out: dict[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in left_out.items())


def _shapes(connection: "psycopg.Connection[Any]", names: list[str]) -> tuple[Shapes, dict[str, str]]:
    """Read tables by dataset name; keys refer to datasets. Those that an export would refuse are given with why."""
    left_out: dict[str, str] = {}
    tables: dict[str, source.Table] = {}
    for name in names:
        try:
            read_privileges.check(connection, name)
            tables[name] = source.read_table(connection, name)
        except WorkloadError as err:
            if isinstance(err, TransientError):
                raise
            left_out[name] = str(err).removeprefix(f"table {name}").lstrip(": ")
    found = {dataset: (name, tables[name]) for name, dataset in dataset_names(list(tables)).items()}
    oids = {oid: dataset for dataset, (_, table) in found.items() for oid in table.members}
    shapes = {}
    for dataset, (name, table) in found.items():
        columns = [column.model_copy(update={"carrier": carrier(column)}) for column in table.columns]
        keys = read_keys(connection, table, oids)
        labels = dict(connection.execute(LABELS, (table.oid,)).fetchall())
        around = surroundings(name.partition(".")[2], columns, labels)
        shapes[dataset] = Draft(dataset, name, replace(table, columns=columns, keys=keys), around)
    return shapes, left_out


def _key_rules(shapes: Shapes) -> dict[Place, tuple[str, str]]:
    """Give all columns that a key joins one rule, whatever each of them is called."""
    columns = {(d.dataset, column.name): column for d in shapes.values() for column in d.table.columns}
    rules: dict[Place, tuple[str, str]] = {}
    for domain, places in _joined(shapes).items():
        members = [columns[place] for place in places]
        if all(judged(columns[place], shapes[place[0]].around)[0] == KEEP for place in places):
            rule, why = KEEP, "key, harmless everywhere"
        elif all(Pseudonym(rule="pseudonym", domain=domain).misfit(column) is None for column in members):
            rule, why = f"{{rule: pseudonym, domain: {domain}}}", "key"
        else:
            rule, why = "drop", "key of a type that takes no pseudonym; keep would fit"
        rules |= {place: (rule, f"{columns[place].type}: {why}") for place in places}
    return rules


def _joined(shapes: Shapes) -> dict[str, list[Place]]:
    """Give the columns of keys by domain: those that foreign keys join, however many lie between them, are together."""
    leads_to: dict[Place, Place] = {}

    def end(place: Place) -> Place:
        while leads_to.setdefault(place, place) != place:
            place = leads_to[place]
        return place

    for dataset, draft in shapes.items():
        for key_columns in (draft.table.keys.primary, *draft.table.keys.partial):
            for column in key_columns:
                end((dataset, column))
        for key in draft.table.keys.foreign:
            for column, reference in zip(key.columns, key.references, strict=True):
                leads_to[end((dataset, column))] = end((key.dataset, reference))
    groups: dict[Place, list[Place]] = {}
    for place in list(leads_to):
        groups.setdefault(end(place), []).append(place)
    return {_domain(place): places for place, places in groups.items()}


def _domain(place: Place) -> str:
    return re.sub(r"[^a-z0-9_.-]", "_", ".".join(place).lower())[:63]


def _runnable(shapes: Shapes) -> tuple[list[Draft], dict[str, str]]:
    """Leave out the tables that a run would refuse; the others are checked as a run does it."""
    refused = {}
    policies = {}
    for draft in shapes.values():
        try:
            made = policy.parse(draft.dataset, yaml.safe_load(draft.text()), draft.name)
            made.check(draft.table.columns)
        except DataError as err:
            refused[draft.name] = str(err).removeprefix(f"policy of dataset {draft.dataset}: ")
            continue
        if any(made.rule(column.name).result(column) is not None for column in draft.table.columns):
            policies[draft.dataset] = made
        else:
            refused[draft.name] = "no column is known to be harmless; write its policy by hand if it is needed"
    for dataset, made in policies.items():
        keys = shapes[dataset].table.keys
        present = [key for key in keys.foreign if key.dataset in policies]
        check_joins(keys.model_copy(update={"foreign": present}), made, policies)
    return [draft for draft in shapes.values() if draft.dataset in policies], refused


def _alone(column: Column, draft: Draft) -> tuple[str, str]:
    """Give the rule of a column that is in no key."""
    rule, why = judged(column, draft.around)
    return rule, f"{column.type}: {why}"


def _kind(rule: str) -> str:
    return rule.partition("rule: ")[2].partition(",")[0] or rule


def _scalar(name: str) -> str:
    """Write a name so that YAML reads the same text, whatever it looks like."""
    if re.fullmatch(r"[a-z_][a-z0-9_.]*", name) and name not in YAML_WORDS:
        return name
    return UNPRINTABLE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(name, ensure_ascii=False))


def _in_a_line(text: str) -> str:
    """Write what a comment shows: a type, too, may be called as somebody likes, with breaks of lines."""
    return " ".join(UNPRINTABLE.sub(" ", text).split())
