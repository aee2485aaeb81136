"""A page of the plugin in a real Chromium, with the answers that a test gives it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from docs.browser import Browser, browser

CHROMIUM = shutil.which("chromium")
BATON = Path(__file__).parents[3] / "plugins" / "baton"
SHARED = BATON / "api" / "static"


@asynccontextmanager
async def opened_page(static: Path, path: str, answers: dict[str, Any]) -> AsyncIterator[Browser]:
    """Open a page of a folder with static files, as Airflow serves it.

    :param path: the page's address on the server, with its name: ``/airflow/baton/chains/``.
    :param answers: what is answered as JSON, by the last part of the address; changes count from the next request.
    """
    files = {file.name: file for folder in (static, SHARED) for file in folder.iterdir()}
    [page] = [file for file in static.iterdir() if file.suffix == ".html"]

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name in answers:
            return web.json_response(answers[name])
        return web.FileResponse(files[name] if name else page)

    app = web.Application()
    app.router.add_get(path + "{name:[^/]*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with browser(str(CHROMIUM)) as shown:
            await shown.call("Emulation.setTimezoneOverride", timezoneId="Europe/Prague")
            await shown.call("Page.navigate", url=f"http://127.0.0.1:{runner.addresses[0][1]}{path}")
            async with asyncio.timeout(30):
                while not await shown.evaluate("document.readyState === 'complete' && typeof load === 'function'"):
                    await asyncio.sleep(0.05)
                await shown.evaluate("load()")
            yield shown
    finally:
        await runner.cleanup()


async def called(page: Browser, function: str, *arguments: Any) -> Any:
    """Call a function of the page's script and give what it returns."""
    words = ", ".join("undefined" if argument is None else json.dumps(argument) for argument in arguments)
    return await page.evaluate(f"({function})({words})")
