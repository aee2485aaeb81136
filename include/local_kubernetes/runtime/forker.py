"""A small process that forks shims.

Why: starting Python takes longer than running ``true``, and forking the server itself would copy its memory and its
locks. Requests come as lines on stdin: ``{"id": 7, "directory": "/…"}``; when the container has started (or could not),
``7`` comes back as a line on stdout. It ends when the server ends; its shims do not.
"""

from __future__ import annotations

import contextlib
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
    answer = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def acknowledge() -> None:
        nonlocal answer
        if answer >= 0:
            with contextlib.suppress(BrokenPipeError):  # the server was killed; its successor looks at the files
                os.write(answer, f"{request['id']}\n".encode())
            os.close(answer)  # the server must not wait for this shim's end to see the forker's
            answer = -1

    try:
        shim.main(str(request["directory"]), acknowledge)
    finally:
        acknowledge()  # the shim broke; the server looks at the files and sees that nothing runs
        os._exit(1)


if __name__ == "__main__":
    main()
