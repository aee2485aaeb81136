"""What has run low since the last alert: each item is reported once, and again only after it had recovered.

An episode begins when an item is first seen below its reorder point, and belongs to the period that saw it; it ends
when the item is seen at or above it again. The episodes of a period are its report: rendering it again tells the same.
"""

from typing import TYPE_CHECKING, Any

from baton_workloads.etl.database import named_errors
from baton_workloads.reports.content import stock
from baton_workloads.reports.definition import Definition
from baton_workloads.reports.model import Note, Part, Report
from baton_workloads.reports.period import Period
from baton_workloads.reports.queries import Row
from baton_workloads.reports.sources import Sources

if TYPE_CHECKING:
    import psycopg

MOST = 40
NUMBER = 7  # of this table among the project's advisory locks

PREPARE = """
CREATE SCHEMA IF NOT EXISTS baton;
CREATE TABLE IF NOT EXISTS baton.low_stock_episodes (
    product_id bigint NOT NULL,
    warehouse  text   NOT NULL,
    told_in    text   NOT NULL,
    ended_in   text,
    PRIMARY KEY (product_id, warehouse, told_in)
);
CREATE UNIQUE INDEX IF NOT EXISTS low_stock_open
    ON baton.low_stock_episodes (product_id, warehouse) WHERE ended_in IS NULL;
"""
CLOSE = """
UPDATE baton.low_stock_episodes e SET ended_in = %(period)s
 WHERE ended_in IS NULL AND told_in < %(period)s
   AND NOT EXISTS (SELECT FROM unnest(%(products)s::bigint[], %(warehouses)s::text[]) AS low (product_id, warehouse)
                    WHERE low.product_id = e.product_id AND low.warehouse = e.warehouse)
"""
OPEN = """
INSERT INTO baton.low_stock_episodes (product_id, warehouse, told_in)
SELECT product_id, warehouse, %(period)s
  FROM unnest(%(products)s::bigint[], %(warehouses)s::text[]) AS low (product_id, warehouse)
ON CONFLICT DO NOTHING
"""
TOLD_NOW = "SELECT product_id, warehouse FROM baton.low_stock_episodes WHERE told_in = %(period)s AND ended_in IS NULL"


def low_stock(sources: Sources, period: Period) -> Report:
    """Give the items that have newly run low; empty when there is none."""
    low = sources.shop.rows("stock_low")
    told_now = _episodes(sources.notebook, period, low)
    new = [row for row in low if (row["product_id"], row["warehouse"]) in told_now]
    headline = f"{stock.items(len(new))} newly below the reorder point." if new else "Nothing has newly run low."
    parts: list[Part] = [
        stock.low_items("Order these", new, MOST, "Nothing has newly run low."),
        Note(f"Below the reorder point in all: {stock.items(len(low))}."),
    ]
    facts: dict[str, int | str | bool] = {"new": len(new), "low": len(low)}
    return Report("low_stock", "Low stock", period, headline, parts, is_empty=not new, facts=facts)


def _episodes(connection: "psycopg.Connection[Any]", period: Period, low: list[Row]) -> set[tuple[int, str]]:
    values = {
        "period": period.key,
        "products": [row["product_id"] for row in low],
        "warehouses": [row["warehouse"] for row in low],
    }
    from baton_workloads.etl.warehouses.postgres.ledger import LOCK

    with named_errors("warehouse"), connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, NUMBER))
        connection.execute(PREPARE)
        connection.execute(CLOSE, values)
        connection.execute(OPEN, values)
        return set(connection.execute(TOLD_NOW, values).fetchall())


REPORT = Definition("moment", low_stock)
