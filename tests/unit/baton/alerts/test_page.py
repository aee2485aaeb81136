"""The page *Alerts* in a real browser: its kill switch does what it says, whatever happens in between."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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


POD_ROUTE = {"name": "pods", "dag_id": "diagnose", "problem": "", "in_vain": 0}
PAUSED = {"name": "heal", "dag_id": "heal_workloads", "problem": "DAG heal_workloads is paused: switch it on"}
REFUSED = {
    "sender": "local",
    "endpoint": "alertmanager",
    "status": 413,
    "times": 3,
    "reason": "the body has more than 4194304 bytes",
    "first_at": "2026-11-30T08:00:00+00:00",
    "last_at": "2026-11-30T09:00:00+00:00",
}


def decision(number: int, run_state: str) -> dict[str, Any]:
    """A row, as the server gives it."""
    return {
        "id": number,
        "route": "pods",
        "fingerprint": f"f{number}",
        "starts_at": "2026-11-30T08:00:00+00:00",
        "verdict": "run" if number % 5 else "no_target",
        "meaning": "made a run",
        "reason": "route pods" if number % 5 else "DAG diagnose is paused: switch it on",
        "source": "alertmanager",
        "sender": "alertmanager",
        "dag_id": "diagnose",
        "run_id": f"alert__pods__f{number}" if number % 5 else None,
        "run_state": run_state if number % 5 else "",
        "repeats": number % 3,
        "first_at": "2026-11-30T08:00:00+00:00",
        "last_at": "2026-11-30T08:05:00+00:00",
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": f"api-{number}"},
        "summary": f"Pod shop/api-{number} (api) restarts each minute",
        "url": "https://prometheus.example.org/graph",
        "silence_url": "javascript:alert(1)" if number % 2 else "https://alertmanager.example.org/#/silences/new",
        "runbook_url": "https://runbooks.example.org/crash",
    }


class Airflow:
    """What the page asks; the switches are as they are there, and answers may be late or fail."""

    def __init__(self) -> None:
        self.off: set[str] = set()
        self.thrown: list[tuple[str, bool]] = []
        self.delay = 0.0
        self.fails = False
        self.forgets = False
        self.rows = 0
        self.asked = 0
        self.states: dict[int, str] = {}
        self.state: dict[str, Any] = {}

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

    async def _data(self, request: web.Request) -> web.Response:
        before = int(request.query.get("before", self.rows + 1))
        rows = [decision(number, self.states.get(number, "success")) for number in range(before - 1, 0, -1)[:100]]
        self.asked += 1
        return web.json_response({"now": datetime.now(UTC).isoformat(), "rows": rows, "more": before > 101})

    async def _state(self, _: web.Request) -> web.Response:
        state = {"off": self._entries(), "has_routes": True, "has_senders": True, "problem": "", "senders_problem": ""}
        await asyncio.sleep(self.delay)
        return web.json_response(
            {**state, "routes": [POD_ROUTE], "refused": [], "may_switch": True, "day": {}, **self.state}
        )

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
        entry = {"by": "admin", "at": "2026-11-30T08:00:00+00:00", "until": ""}
        return [{"route": route, **entry} for route in sorted(self.off)]


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
        await page.evaluate("load()")
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
                await page.evaluate("void load()")
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


async def test_five_thousand_decisions_are_turned_through_without_waiting() -> None:
    """Pages come from the server: the fiftieth costs what the first does."""
    airflow = Airflow()
    airflow.rows = 5000
    async with opened(airflow) as page:
        await page.evaluate("load()")
        took = await page.evaluate(
            "(async () => { const begin = performance.now(); for (let at = 0; at < 49; at++)"
            " { ui.older.click(); while (underWay) await new Promise((done) => setTimeout(done, 1)); }"
            " return performance.now() - begin; })()"
        )
        assert await page.evaluate("ui.table.querySelectorAll('tbody tr').length") == 100
        assert await page.evaluate("view.rows.at(-1).id") == 1
        assert await page.evaluate("ui.older.hidden") is True
        assert took / 49 < 500
        print(f"49 pages of 100: {took:.0f} ms")
        await page.evaluate("ui.newest.click()")
        async with asyncio.timeout(20):
            while await page.evaluate("view.rows[0].id") != 5000:
                await asyncio.sleep(0.05)


async def test_refresh_goes_on_while_somebody_works_in_the_table() -> None:
    """What has changed is drawn; the row in hand keeps focus and stays open; the page says of when it is."""
    airflow = Airflow()
    airflow.rows = 300
    async with opened(airflow) as page:
        await page.evaluate("load()")
        row = "document.querySelector('tr[data-id=\"297\"] summary')"
        await page.evaluate(f"({row}.click(), {row}.focus())")
        told, asked = await page.evaluate("ui['as-of'].textContent"), airflow.asked
        airflow.states = {297: "failed"}
        airflow.rows = 301
        await asyncio.sleep(1.1)
        await page.evaluate("load()")
        assert airflow.asked == asked + 1
        text = await page.evaluate("document.querySelector('tr[data-id=\"297\"]').textContent")
        assert "failed" in text
        assert "Pod shop/api-297 (api) restarts each minute" in await page.evaluate(f"{row}.textContent")
        assert await page.evaluate(f"document.activeElement === {row}")
        assert await page.evaluate(f"{row}.parentElement.open")
        assert await page.evaluate("document.querySelector('tbody tr').dataset.id") == "301"
        assert await page.evaluate("ui['as-of'].textContent") != told
        links = "[...document.querySelector('tr[data-id=\"297\"] .links').children].map((link) => link.textContent)"
        assert await page.evaluate(links) == ["source", "runbook"]  # a script is no address


@pytest.mark.parametrize(
    ("state", "banners"),
    [
        ({"routes": [POD_ROUTE, {**PAUSED, "in_vain": 0}]}, ""),
        ({"has_senders": False, "has_routes": False, "routes": []}, ""),
        ({"routes": [{**PAUSED, "in_vain": 2}]}, "Alerts on heal start nothing."),
        ({"refused": [REFUSED]}, "local: 3 posts to alertmanager refused (413: the body has more than 4194304 bytes)"),
        ({"problem": "line 3"}, "The file of routes cannot be used."),
    ],
    ids=["paused", "new", "in vain", "refused", "broken"],
)
async def test_banners_are_for_what_wants_a_person(state: dict[str, Any], banners: str) -> None:
    """A fresh installation has none, although one of its DAGs is paused on purpose."""
    airflow = Airflow()
    airflow.state = state
    async with opened(airflow) as page:
        found = str(await page.evaluate("document.getElementById('banners').textContent"))
        assert (banners in found) if banners else found == ""
