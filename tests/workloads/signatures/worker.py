"""The signature workers on a shop of the test's own, as processes and in this process."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tests.workloads.chain import INCLUDE
from tests.workloads.in_process import Outcome, run_workload
from tests.workloads.signatures.post_office import PostOffice

TODAY = date(2026, 11, 22)
SHOP = Path(INCLUDE) / "shop"
REMIND = ("signatures", "remind")
EXPIRE = ("signatures", "expire")


@dataclass
class Shop:
    """A database with the demo schema and no rows, a mail server, and the workers between them."""

    dsn: str
    office: PostOffice

    @property
    def environment(self) -> dict[str, str]:
        """Give what the Secret and the manifest give a pod."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(INCLUDE),
            "PYTHONWARNINGS": "error",
            "BATON_SHOP_WORKER_DSN": self.dsn,
            "BATON_SMTP_URL": f"smtp://127.0.0.1:{self.office.port}",
            "BATON_MAIL_FROM": "Shop <no-reply@shop.example>",
            "BATON_TIME_ZONE": "Europe/Berlin",
        }

    def spawn(self, *words: str, as_of: str = TODAY.isoformat(), **changes: str) -> "subprocess.Popen[str]":
        """Start a worker as a process, as a pod does."""
        command = [sys.executable, "-m", "baton_workloads", *words, "--as-of", as_of]
        return subprocess.Popen(
            command, env=self.environment | changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *words: str, as_of: str = TODAY.isoformat(), **changes: str) -> Outcome:
        """Run a worker to its end, in this process."""
        return self.command(*words, "--as-of", as_of, **changes)

    def command(self, *words: str, **changes: str) -> Outcome:
        """Run any command to its end, in this process."""
        return run_workload(*words, environment=self.environment | changes)

    def execute(self, statement: str, *values: Any) -> None:
        """Change the shop."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.encode(), values or None)

    def query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the shop."""
        with psycopg.connect(self.dsn, options="-c timezone=UTC") as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def workflow(self, due_in: int = 3, **columns: Any) -> int:
        """Add a workflow that is due so many days after :data:`TODAY`; returns its id."""
        values = {
            "document_title": "Lease agreement",
            "requested_by": 1,
            "signer_name": "Zoë",
            "signer_email": "signer@example.org",
            "status": "sent",
            "due_on": TODAY + timedelta(days=due_in),
            "sent_at": "2026-10-01T08:00Z",
            **columns,
        }
        insert = sql.SQL("INSERT INTO signature_workflows ({}) VALUES ({}) RETURNING id").format(
            sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.Placeholder() * len(values))
        )
        with psycopg.connect(self.dsn) as connection:
            [(made,)] = connection.execute(insert, list(values.values())).fetchall()
        return int(made)

    def log(self) -> list[tuple[int, str, str]]:
        """Give the reminder log: workflow, reminder date, outcome."""
        return self.query("SELECT workflow_id, reminder_on::text, outcome::text FROM signature_reminders ORDER BY 1, 2")


def ended(process: "subprocess.Popen[str]") -> Outcome:
    """Wait for a worker's end."""
    stdout, stderr = process.communicate(timeout=60)
    return Outcome(process.returncode, stdout, stderr)
