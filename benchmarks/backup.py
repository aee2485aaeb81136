"""A dump on its way into the store against the raw pipe: the same pg_dump, levels, recipient and folder, in one run.

    ./baton python benchmarks/backup.py [--scales 0.05 0.2] [--rounds 5] [--json]

The raw pipe is `pg_dump -Fc -Z0 | zstd -3 | age -r … > FILE && sync FILE` with Debian's zstd and age. Ours is what the
stage `dump` does between the snapshot and the manifest, in a process of its own ("own": without its start); then the
whole stage, which also counts rows and checksums of every table. Both write to the same folder and are synced to disk.
CPU seconds are of the clients, the server's not counted: on a busy machine they say more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyrage
from measurement import median, run
from servers import postgres

from baton_local import shop
from baton_local.layout import PROJECT
from baton_local.postgres import Postgres, binaries

STREAM = """
import resource, sys, time
from baton_workloads.backup.archive import write_archive
from baton_workloads.backup.programs import environment, program, reading_from
dsn, root, recipient = sys.argv[1:]
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)
began, used = time.monotonic(), cpu()
command = [program("pg_dump"), "--format=custom", "--compress=none"]
with reading_from(command, environment(dsn), "pg_dump") as output:
    made = write_archive(root, "data/x/shop", output, [recipient])
print(made.raw_bytes, made.stored_bytes, time.monotonic() - began, cpu() - used)
"""
RAW = 'set -o pipefail; pg_dump -Fc -Z0 -d "$0" | zstd -q -3 | age -r "$1" > "$2" && sync "$2"'


def cpu_seconds() -> float:
    """Of all children that have ended: what other work on this machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Comparison:
    """One database size: the pipe and ours, one after the other, in changing order."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.dsn, self.folder = server.dsn("shop"), folder
        self.recipient = str(pyrage.x25519.Identity.generate().to_public())
        path = f"{binaries()}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "PYTHONPATH": str(PROJECT / "include")}

    def pipe(self) -> tuple[float, float]:
        """Seconds and CPU seconds of the raw pipe, the server's not counted."""
        began, used = time.monotonic(), cpu_seconds()
        words = ["bash", "-c", RAW, self.dsn, self.recipient, str(self.folder / "pipe")]
        subprocess.run(words, check=True, env={**os.environ, **self.environment})
        return time.monotonic() - began, cpu_seconds() - used

    def stream(self) -> dict[str, float]:
        """What ours took: with the start of its process, and without ("own")."""
        words = [sys.executable, "-c", STREAM, self.dsn, f"file://{self.folder}/ours", self.recipient]
        seconds, peak, said = run(words, self.environment)
        raw, stored, own, own_cpu = map(float, said.split())
        return {
            "seconds": seconds,
            "own_seconds": own,
            "own_cpu": own_cpu,
            "peak": peak,
            "raw_mib": int(raw) >> 20,
            "stored_mib": int(stored) >> 20,
        }

    def stage(self) -> tuple[float, int]:
        """Seconds and peak bytes of the whole stage."""
        environment = {
            "BATON_SHOP_BACKUP_DSN": self.dsn,
            "BATON_BACKUPS_URI": f"file://{self.folder}/stage",
            "BATON_BACKUP_RECIPIENTS": self.recipient,
            "BATON_BACKUP_MANIFEST_KEY": "00" * 32,
        }
        words = [sys.executable, "-m", "baton_workloads", "backup", "dump", "--run-key", "x"]
        seconds, peak, _ = run(words, self.environment | environment)
        return seconds, peak


def measure(server: Postgres, scale: float, options: argparse.Namespace) -> dict[str, float]:
    """All rounds at one size."""
    shop.make(server.dsn("shop"), scale)
    folder = options.state / "backups"
    rounds: list[dict[str, float]] = []
    for number in range(options.rounds + 1):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        contest = Comparison(server, folder)
        if number % 2:
            pipe, ours = contest.pipe(), contest.stream()
        else:
            ours, pipe = contest.stream(), contest.pipe()
        stage, stage_peak = contest.stage()
        rounds.append({
            "raw_mib": ours["raw_mib"],
            "stored_mib": ours["stored_mib"],
            "pipe_seconds": pipe[0],
            "ours_seconds": ours["seconds"],
            "own_seconds": ours["own_seconds"],
            "speed_against_pipe": pipe[0] / ours["own_seconds"],
            "cpu_speed_against_pipe": pipe[1] / ours["own_cpu"],
            "stage_seconds": stage,
            "peak_mib": max(ours["peak"], stage_peak) >> 20,
        })  # fmt: skip
    shutil.rmtree(folder)
    rounds = rounds[1:]  # the first one fills the caches
    return {"scale": scale, **{name: median([item[name] for item in rounds]) for name in rounds[0]}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[0.05, 0.2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--state", type=Path, default=PROJECT / ".baton" / "benchmark")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    missing = [name for name in ("age", "zstd") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{' and '.join(missing)} missing: apt-get install {' '.join(missing)}")
    with postgres(options.state) as server:
        for scale in options.scales:
            row = measure(server, scale, options)
            print(json.dumps(row) if options.json else "  ".join(f"{name} {row[name]:g}" for name in row), flush=True)


if __name__ == "__main__":
    main()
