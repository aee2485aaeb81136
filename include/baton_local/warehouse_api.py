"""What a warehouse system answers to a shop that asks what has changed in its stock; a real server, made-up stock.

``GET /v1/stock-changes?since=ISO&limit=N&cursor=C`` gives the items that changed at or after ``since``, oldest first,
each with the version of its latest state, in pages: ``{"items": […], "next_cursor": "…" or null}``. A cursor belongs to
the server that gave it; after a restart it answers 410. ``POST /v1/stock-changes`` changes stock, for tests and demos.

Each half hour a few items change by themselves, so that the demo has something to tell.
Run as ``python -m baton_local.warehouse_api PORT CREDENTIALS_FILE``.
"""

from __future__ import annotations

import hmac
import json
import random
import secrets
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from baton_local.settings import derived

WAREHOUSES = ("berlin", "łódź", "tokyo")
PRODUCTS = 60
LARGEST_PAGE = 500
DRIFT_SECONDS = 1800
DRIFTING = 4


@dataclass(frozen=True)
class Item:
    """What one warehouse holds of one product.

    :param version: grows with each change of the item, also over restarts of the server.
    """

    product_id: int
    warehouse: str
    on_hand: int
    reserved: int
    counted_on: str | None
    version: int
    changed_at: str


def token(master_key: str) -> str:
    """The bearer token of the server of a stack."""
    return derived(master_key, "inventory api token")


class Warehouse:
    """The stock of all warehouses.

    :param bearer: the token that a caller must know.
    :param began: when the server started; the first stock is some minutes older.
    """

    def __init__(self, bearer: str, began: datetime) -> None:
        self._bearer, self._drifted = bearer, began
        self._cursors: dict[str, tuple[str, int, str]] = {}
        self._items: dict[tuple[int, str], Item] = {}
        for number in range(PRODUCTS * len(WAREHOUSES)):
            moment = began - timedelta(seconds=600 - number)
            self._change(_random_item(number, moment))

    def app(self) -> web.Application:
        """The server's routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/v1/stock-changes", self._changes),
                web.post("/v1/stock-changes", self._post),
            ]
        )
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    def _check(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._bearer.encode()):
            raise web.HTTPUnauthorized(text="unknown token")

    async def _changes(self, request: web.Request) -> web.Response:
        self._check(request)
        cursor = request.query.get("cursor")
        if cursor is not None and cursor not in self._cursors:
            raise web.HTTPGone(text="unknown cursor: begin again with since")
        after = self._cursors[cursor] if cursor else (_moment(request.query.get("since")), 0, "")
        self._drift(datetime.now(UTC))
        limit = max(1, min(int(request.query.get("limit", "100")), LARGEST_PAGE))
        found = sorted((item for item in self._items.values() if _key(item) > after), key=_key)
        page = found[:limit]
        following = self._cursor(page[-1]) if len(found) > limit else None
        return web.json_response({"items": [asdict(item) for item in page], "next_cursor": following})

    def _cursor(self, last: Item) -> str:
        name = secrets.token_urlsafe(12)
        self._cursors[name] = _key(last)
        return name

    async def _post(self, request: web.Request) -> web.Response:
        self._check(request)
        now = datetime.now(UTC)
        for given in await request.json():
            known: dict[str, Any] = {
                "reserved": 0,
                "counted_on": None,
                "version": _version(now),
                "changed_at": _text(now),
            }
            self._change(Item(**{**known, **given}))
        return web.json_response({"changed": len(self._items)})

    def _change(self, item: Item) -> None:
        self._items[item.product_id, item.warehouse] = item

    def _drift(self, now: datetime) -> None:
        if (now - self._drifted).total_seconds() < DRIFT_SECONDS:
            return
        self._drifted = now
        dice = random.Random(int(now.timestamp()))  # noqa: S311  (made-up stock)
        for item in dice.sample(sorted(self._items.values(), key=_key), DRIFTING):
            on_hand = dice.choice([3, 8, 40, 200])
            self._change(replace(item, on_hand=on_hand, version=_version(now), changed_at=_text(now)))


def _random_item(number: int, moment: datetime) -> Item:
    dice = random.Random(number)  # noqa: S311  (made-up stock)
    on_hand = dice.randrange(15) if number % 20 == 0 else dice.randrange(60, 700)
    counted = moment.date().isoformat() if number % 7 else None
    product, place = 1 + number // len(WAREHOUSES), WAREHOUSES[number % len(WAREHOUSES)]
    return Item(product, place, on_hand, dice.randrange(10), counted, _version(moment), _text(moment))


def _key(item: Item) -> tuple[str, int, str]:
    return item.changed_at, item.product_id, item.warehouse


def _version(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str | None) -> str:
    try:
        return _text(datetime.fromisoformat(text or ""))
    except ValueError as err:
        raise web.HTTPBadRequest(text="since must be an ISO time with a zone") from err


if __name__ == "__main__":
    master_key: str = json.loads(Path(sys.argv[2]).read_text())["master_key"]
    stock = Warehouse(token(master_key), datetime.now(UTC))
    web.run_app(stock.app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
