"""A shop of the test's own, and the commands of maintenance on it."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from tests.workloads.chain import INCLUDE
from tests.workloads.in_process import Outcome, run_workload

SHOP = Path(INCLUDE) / "shop"


@dataclass
class Shop:
    """A database with the demo schema, and the roles that maintain it.

    :param dsn: as its owner.
    """

    dsn: str
    more: dict[str, str] = field(default_factory=dict)

    def as_role(self, role: str) -> str:
        """Give the address for another role."""
        return self.dsn.replace("//postgres@", f"//{role}@")

    @property
    def environment(self) -> dict[str, str]:
        """Give what the Secrets give a pod."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(INCLUDE),
            "PYTHONWARNINGS": "error",
            "BATON_SHOP_WORKER_DSN": self.as_role("shop_worker"),
            "BATON_SHOP_MAINTAINER_DSN": self.as_role("shop_maintainer"),
            **self.more,
        }

    def run(self, *words: str) -> Outcome:
        """Run a command of maintenance to its end, in this process."""
        return run_workload("maintenance", *words, environment=self.environment)

    def spawn(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command as a process, as a pod does."""
        command = [sys.executable, "-m", "baton_workloads", "maintenance", *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def execute(self, *statements: str) -> None:
        """Change the shop as its owner."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, query: str) -> Any:
        """Ask for one value."""
        with psycopg.connect(self.dsn) as connection:
            [(value,)] = connection.execute(query.encode()).fetchall()
        return value
