"""What `./baton import` costs: CPU and memory of the command for many manifests, and what no size may do.

    ./baton python benchmarks/import_manifests.py [--rounds 3] [--json]

Each measurement is the command itself, in a process of its own, on one file that is written before: CronJobs with the
variety of the everyday set; 50 MB of other objects; one document of brackets. Seconds are CPU time of the process, so
that a busy machine changes little. Goals: 500 CronJobs in 3 s, 50 MB in 20 s, brackets as a named error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml
from measuring import median
from sample_cronjobs import jobs

MODULE = "baton.cronjobs.importing.command"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings-{number}}}\ndata:\n{lines}---\n"
LINES = "".join(f"  key{number}: a value that is as long as such values are\n" for number in range(18))
GOAL_SECONDS = {"500 CronJobs": 3.0, "50 MB of other objects": 20.0}


def everyday(file: Path, count: int) -> None:
    """Write CronJobs into one file."""
    file.write_text(yaml.dump_all(jobs(count), Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))


def config_maps(file: Path, size: int) -> None:
    """Write other objects, up to a size in bytes."""
    one = CONFIG_MAP.format(number=0, lines=LINES)
    file.write_text("".join(CONFIG_MAP.format(number=number, lines=LINES) for number in range(size // len(one))))


CASES: dict[str, Callable[[Path], None]] = {
    "500 CronJobs": lambda file: everyday(file, 500),
    "10,000 CronJobs": lambda file: everyday(file, 10_000),
    "50 MB of other objects": lambda file: config_maps(file, 50_000_000),
    "52 kB of brackets": lambda file: file.write_text("a: " + "[" * 52_000),
}


def measured(file: Path) -> tuple[float, float, int]:
    """CPU seconds, peak memory in MiB, and the exit code of the command on a file."""
    command = [sys.executable, "-m", MODULE, str(file)]
    with open(os.devnull, "wb") as nowhere:
        child = os.posix_spawn(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)]
        )
        _, status, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for name, write in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "all.yaml"
            write(file)
            rounds = [measured(file) for _ in range(options.rounds)]
            size = file.stat().st_size
        seconds, memory, codes = (list(column) for column in zip(*rounds, strict=True))
        results[name] = {
            "megabytes": size / 1e6,
            "cpu_seconds": median(seconds),
            "memory_mib": max(memory),
            "exit_code": codes[0],
            "goal_seconds": GOAL_SECONDS.get(name),
        }
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for name, found in results.items():
        goal = f", goal {found['goal_seconds']:.0f} s" if found["goal_seconds"] else ""
        print(
            f"{name} ({found['megabytes']:.1f} MB): {found['cpu_seconds']:.1f} s of CPU{goal}, "
            f"{found['memory_mib']:.0f} MiB, exit code {found['exit_code']}"
        )


if __name__ == "__main__":
    main()
