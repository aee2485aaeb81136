"""A small process that forks shims.

Why: starting Python takes longer than running ``true``, and forking the server itself would copy its memory and its
locks. Requests come as lines on stdin: ``{"id": 7, "directory": "/…"}``; when the container has started (or could not),
``7`` comes back as a line on stdout. It ends when the server ends; its shims do not.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys

from . import shim


def main() -> None:
    """Fork a shim for each request until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # shims are not waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if os.fork() == 0:
            _shim(request)


def _shim(request: dict[str, object]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answer, acknowledge = os.pipe()
    if os.fork() == 0:
        os.close(answer)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        shim.main(str(request["directory"]), acknowledge)
    os.close(acknowledge)
    # Either a byte or, when the shim broke, the end of the pipe; the server looks at the files either way.
    os.read(answer, 1)
    os.write(1, f"{request['id']}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main()
