"""The page *Jobs* in a real browser, on the API server with a socket."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from docs.browser import Browser, browser
from tests.integration.jobs_api.conftest import Api
from tests.integration.jobs_api.test_executions import end, started

DRAWN = (
    "!document.querySelector('.spinner') && !!document.querySelector('#content table, #content li, #message strong')"
)
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")
PICTURES = os.environ.get("BATON_TEST_PICTURES")
"""A folder for what was seen, for people."""


@pytest.fixture
async def page(api: Api, address: str) -> AsyncIterator[Browser]:
    """A browser whose reader has signed in as an administrator."""
    async with browser(str(CHROMIUM)) as made:
        token = api.headers["Authorization"].removeprefix("Bearer ")
        await made.call("Network.setCookie", name="_token", value=token, url=address)
        yield made


@pytest.fixture
def runs(api: Api) -> None:
    """Some runs, of which the last has failed."""
    for state in ("success", "success", "failed"):
        number = started(api)
        end(api, state)
        api.query("UPDATE dag_run SET state = 'success' WHERE id != :id", id=int(number.rpartition("-")[2]))


async def show(page: Browser, address: str, width: int = 1280, scheme: str = "light") -> None:
    """Open a view of the page."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    await page.call("Emulation.setDeviceMetricsOverride", **size)
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await page.call("Page.navigate", url="about:blank")
    await page.call("Page.navigate", url=address)


async def until(page: Browser, expression: str) -> Any:
    """The value of an expression as soon as it is true."""
    deadline = time.monotonic() + 30
    while True:
        try:
            found = await page.evaluate(expression)
        except RuntimeError:  # the page is not there yet
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, f"{expression}: {await page.evaluate('document.body.innerText')}"


async def keep(page: Browser, name: str) -> None:
    """Store what is seen, where somebody wants to look at it."""
    if PICTURES:
        shot = await page.call("Page.captureScreenshot", format="png")
        (Path(PICTURES) / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def type_into(field: str, text: str) -> str:
    """Give a field another text, as somebody who types."""
    return (
        f"{{ const field = document.querySelector({json.dumps(field)}); field.value = {json.dumps(text)}; "
        "field.dispatchEvent(new Event('input')); } true"
    )


def click(text: str) -> str:
    """Press the button of that name, as somebody with a keyboard."""
    wanted = json.dumps(text)
    return (
        "{ const found = [...document.querySelectorAll('button')]"
        f".find((each) => each.ariaLabel === {wanted} || each.textContent === {wanted}); "
        "found.focus(); found.click(); } true"
    )


@pytest.mark.usefixtures("runs")
async def test_a_job_is_run_moved_and_looked_at(page: Browser, api: Api, address: str) -> None:
    """By a form made of its schema, with the next five times before it is moved, and its steps afterwards."""
    await show(page, f"{address}/baton/jobs/")
    assert await until(page, "document.querySelectorAll('#content tbody tr').length") == 5
    await keep(page, "jobs-light")
    await page.evaluate(click("Run ProcessPendingWebhooks"))
    assert await until(page, "document.querySelector('dialog input[type=number]').value") == "50"
    await keep(page, "run")
    await page.evaluate("document.querySelector('dialog input[type=number]').value = 0; true")
    await page.evaluate(click("Run now"))
    await until(page, "document.querySelector('dialog .said.error')?.textContent.includes('batch')")
    await page.evaluate("document.querySelector('dialog input[type=number]').value = 7; true")
    await page.evaluate(click("Run now"))
    await until(page, "document.querySelector('dialog .said').textContent.startsWith('Started: exec-')")
    assert api.query("SELECT conf FROM dag_run WHERE dag_id = 'ProcessPendingWebhooks'") == [{"conf": {"batch": 7}}]
    await page.evaluate(click("Close"))
    await page.evaluate(click("Reschedule DailySalesReport"))
    assert await until(page, "document.querySelectorAll('dialog ol li').length") == 5
    await page.evaluate(type_into("dialog input", "0 7 * * *"))
    await until(page, "document.querySelector('dialog ol').textContent.includes('07:00')")
    await keep(page, "reschedule")
    await page.evaluate("document.querySelector('dialog .main').click()")
    await until(page, "document.querySelector('.mark.moved')?.textContent === 'set by admin'")
    await page.evaluate(click("Close"))
    await page.evaluate(click("Executions DailySalesReport"))
    assert await until(page, "document.querySelectorAll('dialog details').length") == 3
    await page.evaluate("document.querySelector('dialog details summary').click()")
    await until(page, "document.querySelector('dialog details[open] td')?.textContent === 'run_steps'")
    await keep(page, "executions")
    await page.call("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape", windowsVirtualKeyCode=27)
    await until(page, "!document.querySelector('dialog').open")
    assert await page.evaluate("document.activeElement.ariaLabel") == "Executions DailySalesReport"
    await page.evaluate(click("Pause by_hand"))
    await until(page, "[...document.querySelectorAll('button')].some((each) => each.ariaLabel === 'Resume by_hand')")


@pytest.mark.usefixtures("runs")
async def test_the_page_fits_a_phone_and_the_dark(page: Browser, address: str) -> None:
    """Nothing is wider than the screen; a view without anything says what would be there."""
    for width, scheme in ((390, "light"), (1280, "dark")):
        for view in ("jobs", "queues", "reports"):
            await show(page, f"{address}/baton/jobs/#{view}", width, scheme)
            await until(page, DRAWN)
            await keep(page, f"{view}-{width}-{scheme}")
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide == 0, (view, width)
    assert await page.evaluate("document.documentElement.classList.contains('dark')")
    await show(page, f"{address}/baton/jobs/")
    await until(page, "document.querySelectorAll('#content tbody tr').length === 5")
    await page.evaluate(type_into("#text", "nothing like it"))
    await until(page, "document.querySelector('#message strong')?.textContent === 'No job is like that.'")
    await page.evaluate("document.querySelector('#views [data-view=jobs]').focus()")
    await page.call(
        "Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39
    )
    await until(page, "location.hash === '#queues' && document.querySelectorAll('#content tbody tr').length === 3")
