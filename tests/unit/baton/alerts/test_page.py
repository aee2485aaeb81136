"""The page *Alerts* in a real browser: its kill switch does what it says, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from docs.browser import Browser, browser

CHROMIUM = shutil.which("chromium")
BATON = Path(__file__).parents[4] / "plugins" / "baton"
STATIC = BATON / "alerts" / "page" / "static"
FILES = {file.name: file for folder in (STATIC, BATON / "api" / "static") for file in folder.iterdir()}
ALL, POD = "document.getElementById('all-switch')", "document.querySelector('#routes button')"
SETTLED = 0.7
SURE = "Really? Alerts will start nothing"
LOG_WHAT_IS_SENT = """
window.sent = [];
window.plainFetch = window.fetch;
window.fetch = (path, options) => {
  if (path === "switch") sent.push([shown, JSON.parse(options.body).on]);
  return plainFetch(path, options);
};
"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")


class Airflow:
    """What the page asks; the switches are as they are there, and answers may be late or fail."""

    def __init__(self) -> None:
        self.off: set[str] = set()
        self.thrown: list[tuple[str, bool]] = []
        self.delay = 0.0
        self.fails = False
        self.forgets = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/baton/alerts/", self._page)
        app.router.add_get("/baton/alerts/state", self._state)
        app.router.add_get("/baton/alerts/data", self._data)
        app.router.add_post("/baton/alerts/switch", self._switch)
        app.router.add_get("/baton/alerts/{name}", self._file)
        return app

    async def _file(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(FILES[request.match_info["name"]])

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "alerts.html")

    async def _data(self, _: web.Request) -> web.Response:
        return web.json_response({"rows": [], "more": False})

    async def _state(self, _: web.Request) -> web.Response:
        routes = [{"name": "pods", "dag_id": "diagnose", "problem": ""}]
        state = {"off": self._entries(), "routes": routes, "has_routes": True, "problem": "", "senders_problem": ""}
        await asyncio.sleep(self.delay)
        return web.json_response({**state, "may_switch": True, "day": {}})

    async def _switch(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.thrown.append((wanted["route"], wanted["on"]))
        if not self.forgets:
            (self.off.discard if wanted["on"] else self.off.add)(wanted["route"])
        found = self._entries()
        await asyncio.sleep(self.delay)
        if self.fails:
            return web.json_response({"detail": "the database is away"}, status=503)
        return web.json_response({"off": found})

    def _entries(self) -> list[dict[str, str]]:
        return [{"route": route, "by": "admin", "at": "2026-11-30T08:00:00+00:00"} for route in sorted(self.off)]


@asynccontextmanager
async def opened(airflow: Airflow) -> AsyncIterator[Browser]:
    """The page, drawn, its first label settled."""
    runner = web.AppRunner(airflow.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with browser(str(CHROMIUM)) as page:
            await page.call("Page.navigate", url=f"http://127.0.0.1:{port}/baton/alerts/")
            async with asyncio.timeout(30):
                while not await page.evaluate(f"{ALL} && {ALL}.textContent !== ''"):
                    await asyncio.sleep(0.05)
            await asyncio.sleep(SETTLED)
            yield page
    finally:
        await runner.cleanup()


async def label(page: Browser, button: str = ALL) -> str:
    return str(await page.evaluate(f"{button}.textContent"))


async def click(page: Browser, button: str = ALL) -> str:
    """Click, and return what stood on the button then."""
    return str(await page.evaluate(f"(window.shown = {button}.textContent, {button}.click(), shown)"))


async def until_label(page: Browser, text: str, button: str = ALL) -> None:
    async with asyncio.timeout(20):
        while await label(page, button) != text:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("button", "route", "off", "on"),
    [(ALL, "", "Switch all off", "Switch all on"), (POD, "pods", "Switch off", "Switch on")],
)
async def test_two_clicks_switch_off_and_a_third_on(button: str, route: str, off: str, on: str) -> None:
    """One for all routes and one for each work alike."""
    airflow = Airflow()
    async with opened(airflow) as page:
        assert await click(page, button) == off
        await until_label(page, SURE, button)
        assert airflow.thrown == []
        await asyncio.sleep(SETTLED)
        await click(page, button)
        await until_label(page, on, button)
        assert airflow.thrown == [(route, False)]
        await asyncio.sleep(SETTLED)
        assert await click(page, button) == on
        await until_label(page, off, button)
        assert airflow.thrown == [(route, False), (route, True)]


async def test_impatient_clicks_do_nothing_more() -> None:
    """A double click does not confirm, and what was meant for one label does not count for the next."""
    airflow = Airflow()
    async with opened(airflow) as page:
        box = f"{ALL}.getBoundingClientRect()"
        place = await page.evaluate(f"[{box}.x + {box}.width / 2, {box}.y + {box}.height / 2]")
        for count in range(1, 7):
            for kind in ("mousePressed", "mouseReleased"):
                await page.call(
                    "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=count
                )
        assert await label(page) == SURE
        assert airflow.thrown == []
        await asyncio.sleep(SETTLED)
        for _ in range(6):
            await click(page)
        await until_label(page, "Switch all on")
        for _ in range(3):
            await click(page)
        await asyncio.sleep(0.2)
        assert airflow.thrown == [("", False)]


async def test_a_question_that_is_not_answered_ends() -> None:
    """A click much later is a first one again."""
    airflow = Airflow()
    async with opened(airflow) as page:
        await click(page)
        await until_label(page, SURE)
        await until_label(page, "Switch all off")
        assert airflow.thrown == []


async def test_another_tab_is_seen_also_while_a_question_is_open() -> None:
    """The question ends when there is nothing to switch off any more."""
    airflow = Airflow()
    async with opened(airflow) as page:
        await click(page)
        await page.evaluate("load()")
        assert await label(page) == SURE
        airflow.off.add("")
        await page.evaluate("load({ stateOnly: true })")
        assert await click(page) == "Switch all on"
        await asyncio.sleep(0.2)
        assert airflow.thrown == []


async def test_an_answer_from_before_the_switch_is_dropped() -> None:
    """It would draw the state of before, until the next refresh."""
    airflow = Airflow()
    async with opened(airflow) as page:
        await click(page)
        await asyncio.sleep(SETTLED)
        airflow.delay = 1.5
        await page.evaluate("void load()")
        airflow.delay = 0
        await asyncio.sleep(0.1)
        await click(page)
        await until_label(page, "Switch all on")
        await asyncio.sleep(2)
        assert await label(page) == "Switch all on"


@pytest.mark.parametrize("forgets", [True, False])
async def test_a_failed_switch_says_so_and_shows_what_holds(forgets: bool) -> None:
    """Whether or not it was thrown before the answer failed."""
    airflow = Airflow()
    airflow.fails, airflow.forgets = True, forgets
    async with opened(airflow) as page:
        await click(page)
        await asyncio.sleep(SETTLED)
        await click(page)
        await until_label(page, "Switch all off" if forgets else "Switch all on")
        assert "it is not known whether they were switched off. the database is away" in str(
            await page.evaluate("document.getElementById('banners').textContent")
        )


@pytest.mark.parametrize("seed", range(3))
async def test_a_click_never_does_the_opposite_of_its_label(seed: int) -> None:
    """In any order of clicks, refreshes, other tabs' switches, slow and failed answers."""
    chance = random.Random(seed)
    airflow = Airflow()
    async with opened(airflow) as page:
        await page.evaluate(LOG_WHAT_IS_SENT)
        for _ in range(45):
            step = chance.choice(["click"] * 5 + ["refresh", "tab", "slow", "fast", "fail", "work"])
            if step == "click":
                await click(page)
                await asyncio.sleep(chance.choice([0, 0.03, SETTLED, SETTLED]))
            elif step == "refresh":
                await page.evaluate(f"void load({json.dumps({'stateOnly': chance.random() < 0.5})})")
            elif step == "tab":
                (airflow.off.discard if "" in airflow.off else airflow.off.add)("")
            else:
                airflow.delay = {"slow": 0.4, "fast": 0.0}.get(step, airflow.delay)
                airflow.fails = {"fail": True, "work": False}.get(step, airflow.fails)
        airflow.fails, airflow.delay = False, 0
        await asyncio.sleep(SETTLED)
        await page.evaluate("load()")
        if "" in airflow.off:
            assert await label(page) == "Switch all on"
        else:
            assert await label(page) in ("Switch all off", SURE)
        sent = [tuple(entry) for entry in await page.evaluate("sent")]
    assert sent
    assert set(sent) <= {(SURE, False), ("Switch all on", True)}
