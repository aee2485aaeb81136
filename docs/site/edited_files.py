"""The page of the files that people edit, from their JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
Schema = dict[str, Any]

SCHEMAS = {
    "include/jobs/job.schema.json": ("job files", "include/jobs", "docs/jobs.md"),
    "include/cronjobs/chains.schema.json": ("chains.yaml", "include/cronjobs/chains.yaml", "docs/cronjobs.md"),
    "plugins/baton/alerts/routes.schema.json": ("routes.yaml", "include/alerts/routes.yaml", "docs/alerts.md"),
    "plugins/baton/incidents/diagnostics_file.schema.json": (
        "diagnostics.yaml", "include/incidents/diagnostics.yaml", "docs/diagnostics.md",
    ),
    "plugins/baton/incidents/healing_file.schema.json": (
        "healing.yaml", "include/incidents/healing.yaml", "docs/diagnostics.md",
    ),
}  # fmt: skip
"""Schema → the file's name, where it lies, and the page that explains it."""

_TITLE = """\
# Files that people edit

Made from the JSON schemas by `./baton python docs/site/make_reference.py`; edit those, not this file.

An editor that knows JSON schemas completes and checks these files: `.devcontainer` does so for Visual Studio Code.
"""


def page() -> str:
    """The whole page: a part for each schema, a table for each object in it."""
    return "\n".join([_TITLE, *(_part(schema, *where) for schema, where in SCHEMAS.items())]).rstrip() + "\n"


def _part(path: str, name: str, place: str, guide: str) -> str:
    schema = json.loads((PROJECT / path).read_text(encoding="utf-8"))
    lines = [
        f"## {name}",
        "",
        f"`{place}`, explained in [{guide}](../{Path(guide).name}); schema: [{path}](../../{path}).",
    ]
    lines += [line for title, found in _objects("", schema) for line in _table(title, found, schema)]
    for defined, found in schema.get("$defs", {}).items():
        if "properties" in found:
            lines += [line for title, each in _objects(defined, found) for line in _table(title, each, schema)]
        else:
            lines += ["", f"### {name}: {defined}", "", _type(found, schema) + _described(found)]
    return "\n".join([*lines, ""]).replace("### :", f"### {name}:")


def _objects(title: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """An object and the objects in it that have no name of their own."""
    if "properties" in schema:
        yield title, schema
        for name, inner in schema["properties"].items():
            for candidate in (inner, inner.get("items", {}), inner.get("additionalProperties", {})):
                if isinstance(candidate, dict):
                    yield from _objects(f"{title}.{name}".strip("."), candidate)


def _table(title: str, schema: Schema, whole: Schema) -> list[str]:
    required = schema.get("required", [])
    lines = ["", f"### : {title or 'the file'}", "", *([schema["description"], ""] if "description" in schema else [])]
    lines += ["| field | value | |", "|---|---|---|"]
    for name, field in schema["properties"].items():
        must = " (required)" if name in required else ""
        lines.append(f"| `{name}`{must} | {_type(field, whole)} | {_described(field).removeprefix(': ')} |")
    return lines


def _described(schema: Schema) -> str:
    words = [schema.get("description", ""), f"Default: `{schema['default']}`." if "default" in schema else ""]
    text = " ".join(word for word in words if word).replace("|", "\\|").replace("<", "&lt;")
    return f": {text}" if text else ""


def _type(schema: Schema, whole: Schema) -> str:
    if "$ref" in schema:
        return f"[{(name := schema['$ref'].rpartition('/')[2])}](#{_file_of(whole)}-{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " · ".join(f"`{value}`" for value in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if options := [option for option in schema.get(word, []) if {"type", "$ref", "enum", "const"} & set(option)]:
            return " or ".join(_type(option, whole) for option in options)
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), whole)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping of name → {_type(schema['additionalProperties'], whole)}"
    return f"{' or '.join(kind) if isinstance(kind, list) else kind}{_limits(schema)}"


def _limits(schema: Schema) -> str:
    words = []
    if "minimum" in schema or "maximum" in schema:
        words.append(f"{schema.get('minimum', '…')} to {schema.get('maximum', '…')}")
    if "maxLength" in schema:
        words.append(f"at most {schema['maxLength']} characters")
    if "pattern" in schema:
        words.append("`" + schema["pattern"].replace("|", "\\|") + "`")
    return f", {', '.join(words)}" if words else ""


def _file_of(whole: Schema) -> str:
    """The anchor's first part of a schema's file: `routes.yaml` → `routesyaml`."""
    for path, (name, _, _) in SCHEMAS.items():
        if json.loads((PROJECT / path).read_text(encoding="utf-8")) == whole:
            return name.replace(".", "").replace(" ", "-")
    raise ValueError("not one of SCHEMAS")
