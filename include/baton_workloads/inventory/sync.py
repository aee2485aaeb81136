"""Bring the shop's inventory up to what the warehouse system knows.

Idempotent: a row is only ever replaced by a newer version of itself (``source_version``), so pages may come twice and
in any order. Each page is one transaction, together with the cursor of the next one: a killed run is resumed there,
unless something before it could not be stored.
The watermark moves when all pages were read, and only forward; each run reads again a little of what was before it,
because a server's clocks and transactions are not in one order.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from baton_workloads.errors import DataError
from baton_workloads.etl.database import connect, named_errors
from baton_workloads.inventory.api import CursorGone, Item, Page, StockApi
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

SOURCE = "warehouse-api"
OVERLAP = timedelta(minutes=5)
MAX_HOLD = timedelta(days=7)  # how long items of products that the shop does not know yet hold the watermark back
MAX_PAGES = 10_000  # more is a server that goes in circles
BEGINNING = "2000-01-01T00:00:00+00:00"

TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('baton sync_inventory', 0))"
READ = "SELECT watermark, cursor_token FROM public.sync_watermarks WHERE source = %s"
FIRST = "INSERT INTO public.sync_watermarks (source, watermark) VALUES (%s, %s) ON CONFLICT DO NOTHING"
CURSOR = "UPDATE public.sync_watermarks SET cursor_token = %s, updated_at = now() WHERE source = %s"
ADVANCE = """
UPDATE public.sync_watermarks
   SET watermark = greatest(watermark, %s::timestamptz), cursor_token = NULL, updated_at = now() WHERE source = %s
"""
KNOWN = "SELECT id FROM public.products WHERE id = ANY(%s)"
STORE = """
INSERT INTO public.inventory AS i
       (product_id, warehouse, on_hand, reserved, counted_on, reorder_point, reorder_quantity, source_version,
        updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now())
ON CONFLICT (product_id, warehouse) DO UPDATE
   SET on_hand = EXCLUDED.on_hand, reserved = EXCLUDED.reserved, counted_on = EXCLUDED.counted_on,
       source_version = EXCLUDED.source_version, updated_at = EXCLUDED.updated_at
 WHERE i.source_version < EXCLUDED.source_version
"""


@dataclass
class Tally:
    """What a run has seen and done."""

    pages: int = 0
    items: int = 0
    changed: int = 0
    unknown: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    newest: datetime | None = None
    held_at: datetime | None = None

    def see(self, page: Page, unknown: list[Item], changed: int) -> None:
        """Count one page."""
        self.pages += 1
        self.items += len(page.items)
        self.changed += changed
        self.refused += page.refused
        self.unknown |= {item.product_id for item in unknown}
        moments = [item.changed_at for item in page.items]
        self.newest = max([*moments, *([self.newest] if self.newest else [])], default=None)
        held = [item.changed_at for item in unknown]
        self.held_at = min([*held, *([self.held_at] if self.held_at else [])], default=None)

    @property
    def lacks_something(self) -> bool:
        """Whether something could not be stored: a run that went on behind it would not know of it."""
        return bool(self.refused or self.unknown)

    def watermark(self) -> datetime | None:
        """Up to where nothing has to be read again."""
        if self.newest is None or self.held_at is None:
            return self.newest
        return min(self.newest, max(self.held_at, self.newest - MAX_HOLD))


def sync(dsn: str, api: StockApi) -> dict[str, Any]:
    """Read all changes since the watermark into the inventory.

    :returns: outcome (``synchronised``, ``busy``: another run is at it) and counts.
    :raises DataError: the API gave items that are not as agreed; all others are stored, the watermark stays.
    """
    with connect(dsn, "shop") as connection, named_errors("shop"):
        connection.autocommit = True
        found = connection.execute(TRY_LOCK).fetchone()
        if not found or not found[0]:
            return {"outcome": "busy"}
        tally = _read_all(connection, api)
        if tally.refused:
            raise DataError(
                f"the warehouse API gave {len(tally.refused)} items that are not as agreed ({tally.refused[0]}); the"
                " other items are stored, the next run asks for these again"
            )
        moment = tally.watermark()
        if moment is not None:
            connection.execute(ADVANCE, (moment, SOURCE))
    unknown = sorted(tally.unknown)
    if unknown:
        say(f"products that the shop does not know: {unknown[:20]}; they are asked for again")
    counts = {"pages": tally.pages, "items": tally.items, "changed": tally.changed, "unknown_products": len(unknown)}
    return {"outcome": "synchronised", **counts}


def _read_all(connection: "psycopg.Connection[Any]", api: StockApi) -> Tally:
    connection.execute(FIRST, (SOURCE, BEGINNING))
    row = connection.execute(READ, (SOURCE,)).fetchone()
    watermark, cursor = row if row else (datetime.fromisoformat(BEGINNING), None)
    tally = Tally()
    while tally.pages < MAX_PAGES:
        try:
            page = api.changes(watermark - OVERLAP, cursor)
        except CursorGone:
            if cursor is None:
                raise DataError("the warehouse API refuses a request without a cursor as if it had one") from None
            say("the warehouse API has forgotten the cursor of the last run; reading again from the watermark")
            cursor = None
            continue
        with connection.transaction():
            tally.see(page, *_store(connection, page.items))
            connection.execute(CURSOR, (None if tally.lacks_something else page.next_cursor, SOURCE))
        if page.next_cursor is None:
            return tally
        cursor = page.next_cursor
    raise DataError(f"the warehouse API gives no end after {MAX_PAGES} pages; is its cursor going in circles?")


def _store(connection: "psycopg.Connection[Any]", items: list[Item]) -> tuple[list[Item], int]:
    """Store one page; gives the items whose product the shop does not know, and how many rows changed."""
    known = {row[0] for row in connection.execute(KNOWN, ([item.product_id for item in items],))}
    unknown = [item for item in items if item.product_id not in known]
    rows = [_row(item) for item in items if item.product_id in known]
    with connection.cursor() as cursor:
        cursor.executemany(STORE, rows)
        return unknown, max(cursor.rowcount, 0) if rows else 0


def _row(item: Item) -> tuple[object, ...]:
    levels = (item.reorder_point, item.reorder_quantity)
    return item.product_id, item.warehouse, item.on_hand, item.reserved, item.counted_on, *levels, item.version
