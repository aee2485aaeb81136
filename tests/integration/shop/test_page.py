"""docs/shop.md says what the database says."""

from __future__ import annotations

import psycopg

from baton_local import shop, shop_page


def test_the_page_has_the_tables_of_the_schema(database: str) -> None:
    """No drift: `python -m baton_local.shop_page` would change nothing."""
    shop.make(database, 0.0002)
    assert shop_page.page(database) == shop_page.PAGE.read_text(encoding="utf-8")


def test_the_volumes_on_the_page_are_those_of_the_default_scale(database: str) -> None:
    """The first column of numbers is counted, not estimated."""
    shop.make(database)
    page = shop_page.PAGE.read_text(encoding="utf-8")
    with psycopg.connect(database) as connection:
        for table, rows in connection.execute(
            "SELECT relname, reltuples::bigint FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' AND relname <> 'sync_watermarks'"
        ):
            assert f"| {table} | {rows:,} |" in page
