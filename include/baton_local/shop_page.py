"""The tables of the demo schema as Markdown, read from a database that holds it: the second half of ``docs/shop.md``.

Usage: ``python -m baton_local.shop_page --dsn DSN`` rewrites the part of the page below its marker.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated

import psycopg
import typer

PAGE = Path(__file__).parents[2] / "docs" / "shop.md"
MARKER = "<!-- below: python -m baton_local.shop_page -->\n"

COLUMNS = """
SELECT c.relname, obj_description(c.oid), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       coalesce(col_description(c.oid, a.attnum), ''),
       coalesce((SELECT string_agg(CASE k.contype WHEN 'p' THEN 'key' WHEN 'u' THEN 'unique'
                                   ELSE '→ ' || k.confrelid::regclass::text END, ', ' ORDER BY k.contype)
                 FROM pg_constraint k
                 WHERE k.conrelid = c.oid AND a.attnum = ANY (k.conkey) AND k.contype IN ('p', 'u', 'f')), '')
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname, a.attnum
"""


def tables(dsn: str) -> str:
    """A section for each table: its comment, and a row for each column with type, keys and comment."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(COLUMNS).fetchall()
    sections = []
    for (table, about), columns in groupby(rows, key=lambda row: row[:2]):
        lines = [_row(*column[2:]) for column in columns]
        sections.append(
            f"\n### {table}\n\n{about}\n\n| column | type | keys | |\n|---|---|---|---|\n" + "\n".join(lines)
        )
    return "\n".join(sections) + "\n"


def _row(name: str, kind: str, required: bool, about: str, keys: str) -> str:
    kind = kind.replace("timestamp with time zone", "timestamptz").replace("character", "char")
    about = about.replace("Personal:", "**Personal:**").replace("|", "\\|")
    return f"| `{name}` | {kind}{'' if required else ', null'} | {keys} | {about} |"


def page(dsn: str) -> str:
    """The whole page: what is written by hand, then the tables as the database has them."""
    return PAGE.read_text(encoding="utf-8").split(MARKER)[0] + MARKER + tables(dsn)


def main(dsn: Annotated[str, typer.Option(envvar="SHOP_DSN", help="A database with the demo schema.")]) -> None:
    """Rewrite the tables in docs/shop.md."""
    PAGE.write_text(page(dsn), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
