"""README's two commands for a database of one's own, as they are printed, in a clone of what is committed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.workloads.postgres_server import Server
from tests.workloads.test_policy_init import FOREIGN

from baton_local.layout import PROJECT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
PRINTED = "postgresql://reader@db.example/shop"


def commands() -> list[str]:
    """README's commands that name a source."""
    blocks = re.findall(r"^```\n(.*?)^```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if PRINTED in line]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[str]:
    """A database as others have it."""
    server = Server(tmp_path)
    server.start()
    dsn = server.database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FOREIGN.encode())
    yield dsn
    server.stop()


def test_they_load_the_own_tables_with_the_own_policies(source: str, tmp_path: Path) -> None:
    """The demo's policies and its warehouse have no part in it."""
    clone = tmp_path / "baton"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
    own = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "BATON", "PYTHON"))}
    own |= {"BATON_VENV": sys.prefix, "HOME": str(tmp_path)}
    printed = commands()
    assert [words.split()[1:3] for words in printed] == [["policy", "init"], ["demo", "--source"]]

    outputs = []
    for command in printed:
        words = command.replace(PRINTED, source)
        done = subprocess.run(["bash", "-c", words], cwd=clone, env=own, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        outputs.append(done.stdout)

    assert "./baton demo --source" in outputs[0]
    assert "auftrage" in outputs[1]
    assert "Every row arrived; all checks passed." in outputs[1]
    assert "customers" not in outputs[1]
