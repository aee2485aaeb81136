"""One process of one function: imports its handler once, then answers requests until its input ends.

What of-watchdog's HTTP mode does with a local web server, this does with two pipes: nobody else can reach it, and a
worker ends by itself when the gateway is gone. A frame is a length (4 bytes, big endian) and so many bytes; a request
and an answer are two frames each, JSON and body.

Knows nothing of Baton: it is started by path with the function's own environment.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import struct
import sys
import traceback
import types
from dataclasses import dataclass
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")


@dataclass
class Event:
    """The request as a handler sees it; the names are those of the template `python3-http`."""

    body: bytes
    headers: dict[str, str]
    method: str
    query: dict[str, str]
    path: str


class Context:
    """Where the handler runs."""

    def __init__(self) -> None:
        self.hostname = os.environ.get("HOSTNAME", socket.gethostname())


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None when the input has ended, in the middle of one too."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_frames(stream: BinaryIO, *frames: bytes) -> None:
    """Write frames in one go."""
    stream.write(b"".join(LENGTH.pack(len(frame)) + frame for frame in frames))
    stream.flush()


def import_handler(folder: str) -> Any:
    """Import ``handler.py`` of the folder as ``function.handler``, so that it can import what lies beside it."""
    package = types.ModuleType("function")
    package.__path__ = [folder]
    sys.modules["function"] = package
    return importlib.import_module("function.handler").handle


def answer_of(returned: Any) -> tuple[dict[str, Any], bytes]:
    """Status, headers and body of what a handler returned: a dictionary is always the envelope, never the body."""
    if not isinstance(returned, dict):
        returned = {"body": returned}
    headers = {str(name): str(value) for name, value in (returned.get("headers") or {}).items()}
    content = returned.get("body")
    if isinstance(content, bytes):
        body = content
    elif isinstance(content, str) or content is None:
        body = (content or "").encode()
    else:
        body = json.dumps(content).encode()
        headers.setdefault("Content-Type", "application/json")
    return {"status": int(returned.get("statusCode", 200)), "headers": headers}, body


def handle(handler: Any, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Call the handler; what it raises goes to the log and becomes 500."""
    event = Event(body, head["headers"], head["method"], head["query"], head["path"])
    try:
        return answer_of(handler(event, Context()))
    except Exception:
        traceback.print_exc()
        return {
            "status": 500,
            "headers": {"Content-Type": "text/plain"},
        }, b"the function raised an error, see its log\n"


def main(folder: str) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a handler prints goes to the log, not between the frames
    handler = import_handler(folder)
    write_frames(answers, b"ready")
    requests = sys.stdin.buffer
    while (head := read_frame(requests)) is not None and (body := read_frame(requests)) is not None:
        answer, content = handle(handler, json.loads(head), body)
        write_frames(answers, json.dumps(answer).encode(), content)


if __name__ == "__main__":
    main(sys.argv[1])
