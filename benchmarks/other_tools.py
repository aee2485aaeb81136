"""dlt doing the same masked job, and Sling's plain copy, in a virtual environment of their own."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import psycopg
from measurement import CommandFailedError, Measured, run

from baton_local.postgres import Postgres

DLT = [
    "dlt[postgres,sql-database]==1.31.0",
    "connectorx==0.4.6",
    "pyarrow==26.0.1",
    "polars==2.1.0",
    "polars-hash==0.9.3",
    "pyyaml",
]
# The last version whose wheel holds the program; later ones fetch it when they first run.
SLING = ["sling-linux-amd64==1.4.11"]


def install_beside(folder: Path, packages: list[str]) -> str | None:
    """Put packages, without what they need, into a folder for PYTHONPATH. Returns why they could not be had."""
    uv = _uv()
    if uv is None:
        return "uv is not installed"
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-deps", "--target", str(folder)]
    return _installed([*command, *packages])


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.exists() else None)


def _installed(command: list[str]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"not installed: {done.stderr.strip().splitlines()[-1]}"


@dataclass(frozen=True)
class OtherTools:
    """Other tools on the same server, into the database ``rival``."""

    server: Postgres
    folder: Path
    policies: Path
    datasets: list[str]
    pseudonym_key: str

    def install(self, packages: list[str]) -> str | None:
        """Make the virtual environment, or add to it. Returns why it could not be had."""
        uv = _uv()
        if uv is None:
            return "uv is not installed"
        if not self.folder.exists():
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(self.folder)], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(self.folder / "bin" / "python"), *packages]
        return _installed(command)

    def dlt(self, backend: str) -> list[Measured] | str:
        """The masked job with dlt, or why it was skipped."""
        if reason := self.install(DLT):
            return reason
        self._clear()
        source, target = self.server.dsn("shop"), self.server.dsn("rival")
        python, job = str(self.folder / "bin" / "python"), str(Path(__file__).with_name("dlt_job.py"))
        environment = {
            "BATON_PSEUDONYM_KEY": self.pseudonym_key,
            "DLT_DATA_DIR": str(self.folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
        }
        try:
            seconds, peak, _ = run(
                [python, job, source, target, str(self.policies), backend, *self.datasets], environment
            )
        except CommandFailedError as err:
            return str(err)
        return [Measured(f"dlt, {backend}", seconds, seconds, peak)]

    def sling(self) -> list[Measured] | str:
        """Sling's unmasked copy, table by table, or why it was skipped."""
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            return "its wheel with the program in it is for Linux x86_64"
        if reason := self.install(SLING):
            return reason
        self._clear()
        library = sysconfig.get_path("purelib", vars={"base": str(self.folder)})
        program = Path(library) / "sling_linux_amd64" / "bin" / "sling-linux-amd64"
        program.chmod(0o755)
        measured = []
        for dataset in self.datasets:
            # Connections by environment: an argument would show the password to everyone on the machine.
            environment = {
                "SOURCE": f"{self.server.dsn('shop')}?sslmode=disable",
                "TARGET": f"{self.server.dsn('rival')}?sslmode=disable",
                "SLING_DISABLE_TELEMETRY": "true",
                "SLING_HOME_DIR": str(self.folder / "sling"),
            }
            command = [
                str(program), "run", "--src-conn", "SOURCE", "--src-stream", f"public.{dataset}",
                "--tgt-conn", "TARGET", "--tgt-object", f"plain.{dataset}", "--mode", "full-refresh",
            ]  # fmt: skip
            try:
                seconds, peak, _ = run(command, environment)
            except CommandFailedError as err:
                return str(err)
            measured.append(Measured(f"sling {dataset}", seconds, seconds, peak))
        return measured

    def _clear(self) -> None:
        self.server.make_database("rival", "postgres", self.server.password)
        with psycopg.connect(self.server.dsn("rival"), autocommit=True) as connection:
            for schema in ("masked", "masked_staging", "plain"):
                connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
