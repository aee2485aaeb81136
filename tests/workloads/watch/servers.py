"""Real servers that answer as a test wants: a mail server step by step, a web server byte by byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 OK"
DROP = "drop"
"""In place of an answer: the connection ends. ``250 drop`` at DATA accepts the message and does not say so."""


class _Scripted(SMTP):
    """A server whose greeting is scripted as well."""

    async def push(self, status: str | bytes) -> None:
        greeting = self.event_handler.answers.get("greeting")
        if greeting and isinstance(status, str) and status.startswith("220 "):
            status = self.event_handler.given(self, greeting)
        await super().push(status)


@dataclass
class MailServer:
    """Answers by step (``greeting``, ``MAIL``, ``RCPT``, ``DATA``), or by step and recipient (``RCPT b@x``).

    :ivar accepted: (recipient, message) of what was accepted.
    """

    answers: dict[str, str] = field(default_factory=dict)
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    _given: dict[str, Callable[[], str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def messages(self, recipient: str) -> list[bytes]:
        """What one recipient got."""
        return [content for name, content in self.accepted if name == recipient]

    def given(self, server: SMTP, answer: str) -> str:
        """An answer, or the end of the connection."""
        if DROP in answer and server.transport is not None:
            server.transport.abort()
        return answer

    def answer_with(self, step: str, give: Callable[[], str]) -> None:
        """Decide anew each time."""
        self._given[step] = give

    def _answer(self, step: str, recipient: str = "") -> str:
        whole = f"{step} {recipient}".strip()
        self.asked.append(whole)
        if whole in self._given:
            return self._given[whole]()
        return self.answers.get(whole, self.answers.get(step, OK))

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.given(server, self._answer("MAIL"))

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer("RCPT", address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.given(server, answer)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        answer = self._answer("DATA", recipient)
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.accepted.append((recipient, envelope.content))
        return self.given(server, answer)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server for as long as the block lasts."""
    office = MailServer(port=free_port())
    controller = Controller(office, hostname="127.0.0.1", port=office.port)
    controller.factory = lambda: _Scripted(office)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


@dataclass
class WebServer:
    """Gives what ``respond`` gives for a method and a path: status, headers, body; or writes to the socket itself.

    :ivar seen: (method, path, headers, body) of each request.
    """

    respond: Callable[[str, str], "tuple[int, dict[str, str], bytes] | bytes"]
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_server(respond: Callable[[str, str], "tuple[int, dict[str, str], bytes] | bytes"]) -> Iterator[WebServer]:
    """A web server for as long as the block lasts."""
    made = WebServer(respond)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.seen.append((self.command, self.path, dict(self.headers), body))
            answer = made.respond(self.command, self.path)
            self.close_connection = True
            if isinstance(answer, bytes):
                self.wfile.write(answer)
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _respond

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
