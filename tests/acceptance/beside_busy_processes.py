#!/usr/bin/env python3
"""Run a command on a busy machine: a number of processes that only compute run beside it until it ends.

tests/acceptance/beside_busy_processes.py 12 ./baton demo
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

COMPUTE = "while True: pass"


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """COUNT processes, each of which wants a whole core, end with the block."""
    processes = [subprocess.Popen([sys.executable, "-c", COMPUTE]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def main() -> int:
    """Run it; returns the command's exit code, and says on standard error how busy the machine was."""
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    with busy_processes(int(sys.argv[1])):
        code = subprocess.run(sys.argv[2:], check=False).returncode
        print(f"exit code {code}; load at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
