"""A raw socket server that sends the first bytes of an answer, then ends the connection, by FIN or by RST."""

import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self


@dataclass
class CutServer:
    """Answers every request in the same way, one after another.

    :param answer: the bytes of a whole answer, from its status line.
    :param at: how many of them are sent.
    :param by_reset: end by RST instead of FIN.
    :param then: what later requests are answered; None for the same again.
    """

    answer: bytes
    at: int = 0
    by_reset: bool = False
    then: bytes | None = None
    requests: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                self.requests.append(_read(connection))
                whole = self.then if self.then is not None and len(self.requests) > 1 else self.answer[: self.at]
                connection.sendall(whole)
                if self.by_reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(connection: socket.socket) -> bytes:
    """Read a request with a Content-Length."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = seen.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
