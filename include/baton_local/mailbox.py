"""An SMTP sink on loopback: every message becomes an ``.eml`` file, nothing is ever sent on.

Run as ``python -m baton_local.mailbox PORT FOLDER``.
"""

from __future__ import annotations

import asyncio
import signal
import smtplib
import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from baton_local.settings import write_private


class _Sink:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._count += 1
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{self._count:04d}.eml"
        content = envelope.content
        text = content.decode("utf-8", "surrogateescape") if isinstance(content, bytes) else content or ""
        write_private(self._folder / name, text)
        return "250 OK"


async def _serve(port: int, folder: Path) -> None:
    controller = Controller(_Sink(folder), hostname="127.0.0.1", port=port)
    controller.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    controller.stop()


def is_ready(port: int) -> bool:
    """Whether the server greets."""
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=2) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
