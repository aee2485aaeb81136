"""Pictures of pages by a Chromium of the system, driven by its own protocol: any width, light and dark."""

import base64
import itertools
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

BACKGROUND_HEIGHT = 100  # before the page's own height is known


class Browser:
    """One page of a running Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._session: dict[str, str] = {}

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol; returns its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters, **self._session})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    async def open_page(self) -> None:
        """Make the page that the following commands are about."""
        target = await self.call("Target.createTarget", url="about:blank")
        found = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": found["sessionId"]}
        await self.call("Page.enable")

    async def picture(self, html: str, width: int, scheme: str = "light", scale: float = 1) -> bytes:
        """A PNG of the whole of a page.

        :param scheme: ``light`` or ``dark``.
        """
        await self._resize(width, BACKGROUND_HEIGHT, scale)
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        frame = (await self.call("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        await self.call("Page.setDocumentContent", frameId=frame, html=html)
        await self.evaluate("Promise.all([...document.images].map(image => image.decode()))")
        await self._resize(width, int(await self.evaluate("document.documentElement.scrollHeight")), scale)
        shot = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        done = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    async def _resize(self, width: int, height: int, scale: float) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )


@asynccontextmanager
async def browser(chromium: str = "/usr/bin/chromium") -> AsyncIterator[Browser]:
    """A browser that ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
            "--disable-background-networking", f"--user-data-dir={profile}",
        ]  # fmt: skip
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.ws_connect(_address(process), max_msg_size=0) as socket,
            ):
                page = Browser(socket)
                await page.open_page()
                yield page
        finally:
            process.terminate()
            process.wait(10)
            if process.stderr:
                process.stderr.close()


def _address(process: "subprocess.Popen[str]") -> str:
    for line in process.stderr or ():
        if found := re.search(r"ws://\S+", line):
            return found[0]
    raise RuntimeError("Chromium did not start")


def png(width: int, height: int, rows: list[bytes]) -> bytes:
    """A PNG file of RGB rows."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pdf_pages(content: bytes, scale: float = 1.4) -> list[bytes]:
    """The pages of a PDF as PNG files."""
    import pypdfium2

    pages = []
    for page in pypdfium2.PdfDocument(content):
        bitmap = page.render(scale=scale, rev_byteorder=True)
        raw = bytes(bitmap.buffer)
        rows = [raw[y * bitmap.stride : y * bitmap.stride + bitmap.width * 3] for y in range(bitmap.height)]
        pages.append(png(bitmap.width, bitmap.height, rows))
    return pages


def write(folder: Path, name: str, content: bytes) -> None:
    """Store one picture and say so."""
    path = folder / f"{name}.png"
    path.write_bytes(content)
    print(f"{path} {len(content) // 1024} KB")
